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

/**
 * The Windows start-up task, for `schtasks /Create /XML` (Task Scheduler schema 1.2). The defaults of the command line would
 * end it after three days, run it below normal priority and not start it again after a crash.
 */
export function windowsTask(service: ServiceDescription): string {
  const [command, ...rest] = [service.node, ...serviceArguments(service)];
  const args = rest.map((part) => `"${part.replace(/"/g, '')}"`).join(' ');
  return `<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo><Description>Mainstay engine</Description></RegistrationInfo>
  <Triggers><BootTrigger><Enabled>true</Enabled></BootTrigger></Triggers>
  <Principals><Principal id="Author"><UserId>S-1-5-18</UserId><RunLevel>HighestAvailable</RunLevel></Principal></Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <StartWhenAvailable>true</StartWhenAvailable>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <Priority>4</Priority>
    <RestartOnFailure><Interval>PT1M</Interval><Count>999</Count></RestartOnFailure>
  </Settings>
  <Actions Context="Author">
    <Exec><Command>${escapeXml(command!)}</Command><Arguments>${escapeXml(args)}</Arguments></Exec>
  </Actions>
</Task>
`;
}

function escapeXml(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}
