/** How the engine runs as a service of the operating system. Pure: the texts only. */

export interface ServiceDescription {
  /** Absolute path of Node and of the program. */
  readonly node: string;
  readonly program: string;
  readonly data: string;
  readonly name?: string;
  readonly listen?: string;
  readonly config?: string;
}

export const SERVICE_NAME = 'mainstay';
export const SYSTEMD_UNIT_PATH = `/etc/systemd/system/${SERVICE_NAME}.service`;

function serviceArguments(service: ServiceDescription): string[] {
  return [
    '--disable-warning=ExperimentalWarning',
    service.program,
    'daemon',
    '--data',
    service.data,
    ...(service.name === undefined ? [] : ['--name', service.name]),
    ...(service.listen === undefined ? [] : ['--listen', service.listen]),
    ...(service.config === undefined ? [] : ['--config', service.config]),
  ];
}

/**
 * The systemd unit. TimeoutStopSec leaves time to drain; no OOM kill before the protected applications; root, because
 * fanotify and restoring owners need it (PLATFORMS.md).
 */
export function systemdUnit(service: ServiceDescription): string {
  const command = [service.node, ...serviceArguments(service)].map(quoteForSystemd).join(' ');
  return `[Unit]
Description=Mainstay engine
Documentation=man:systemd.service(5)
After=network-online.target local-fs.target
Wants=network-online.target

[Service]
Type=exec
ExecStart=${command}
Restart=always
RestartSec=2
TimeoutStopSec=60
OOMScoreAdjust=-500
LimitNOFILE=65536
UMask=0077

[Install]
WantedBy=multi-user.target
`;
}

/** systemd reads C-style quotes, `%` specifiers and `$` variables (systemd.service(5), "Command lines"). */
function quoteForSystemd(argument: string): string {
  const escaped = argument.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/%/g, '%%').replace(/\$/g, '$$$$');
  return /^[\w@%+=:,./-]+$/.test(escaped) ? escaped : `"${escaped}"`;
}

/** The command of the Windows start-up task, for `schtasks /TR`. */
export function windowsCommand(service: ServiceDescription): string {
  return [service.node, ...serviceArguments(service)].map((part) => `"${part.replace(/"/g, '')}"`).join(' ');
}
