/** A real BIND on 127.0.0.1 with one zone, as an administrator sets it up: who may update it is part of its configuration. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './network-rig.ts';

export interface NameServerOptions {
  /** What stands in `allow-update`: `any;`, `none;`, `key "ha";`. */
  readonly allowUpdate: string;
  /** Text of a key file that the server includes. */
  readonly key?: string;
}

export const ZONE = 'corp.test';

const ZONE_TEXT = `$TTL 300
@ SOA ns.${ZONE}. admin.${ZONE}. 1 3600 600 86400 60
@ NS ns
ns A 127.0.0.1
web 300 A 10.0.0.1
www CNAME web
`;

/** A port that nothing uses now. */
function freePort(): Promise<number> {
  const socket = createSocket('udp4');
  return new Promise((resolve) => {
    socket.bind(0, '127.0.0.1', () => {
      const { port } = socket.address();
      socket.close(() => resolve(port));
    });
  });
}

export class NameServer {
  readonly address: string;
  private readonly port: number;
  private readonly folder: string;
  private child: ChildProcess | undefined;
  private log = '';

  private constructor(port: number, folder: string) {
    this.port = port;
    this.folder = folder;
    this.address = `127.0.0.1:${port}`;
  }

  static async start({ allowUpdate, key = '' }: NameServerOptions): Promise<NameServer> {
    const folder = mkdtempSync(join(tmpdir(), 'name-server-'));
    const server = new NameServer(await freePort(), folder);
    mkdirSync(join(folder, 'keys'));
    writeFileSync(join(folder, 'zone'), ZONE_TEXT);
    writeFileSync(
      join(folder, 'named.conf'),
      `${key}
options {
  directory "${folder}"; pid-file none; session-keyfile "${folder}/session.key"; managed-keys-directory "${folder}/keys";
  listen-on port ${server.port} { 127.0.0.1; }; listen-on-v6 { none; }; recursion no; dnssec-validation no; notify no;
};
controls { };
zone "${ZONE}" { type primary; file "${folder}/zone"; allow-update { ${allowUpdate} }; };
`,
    );
    await server.run();
    return server;
  }

  private async run(): Promise<void> {
    const child = spawn('named', ['-g', '-n', '1', '-c', join(this.folder, 'named.conf')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.child = child;
    child.stderr.on('data', (chunk: Buffer) => {
      this.log += chunk.toString('utf8');
    });
    await until(`named answers\n${this.log}`, () => / running$/m.test(this.log) || child.exitCode !== null);
    if (child.exitCode !== null) throw new Error(this.log);
  }

  /** What a client sees: `300 A 10.0.0.1` for each record, aliases first. */
  seen(name: string): string[] {
    const args = [
      '@127.0.0.1',
      '-p',
      String(this.port),
      '+noall',
      '+answer',
      '+tries=1',
      '+time=2',
      `${name}.${ZONE}`,
      'A',
    ];
    return execFileSync('dig', args, { encoding: 'utf8' })
      .trim()
      .split('\n')
      .map((line) => line.split(/\s+/).slice(1).join(' ').replace(' IN ', ' '));
  }

  async stop(): Promise<void> {
    const child = this.child;
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await until('named ends', () => child.signalCode !== null || child.exitCode !== null);
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}
