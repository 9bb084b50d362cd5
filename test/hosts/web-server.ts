/** nginx on a machine of the network rig: serves a protected root, says which machine it is, and takes files by PUT. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from './rig.ts';

const START_TIMEOUT_MS = 5_000;

export const WEB_PORT = 80;

/** Written files lie below `written/` of the root; what is being written lies beside the root, on the same file system. */
function configuration(folder: string, name: string, root: string): string {
  return `daemon off; worker_processes 1; user root; pid ${folder}/pid; error_log ${folder}/error.log;
events { worker_connections 512; }
http {
  access_log off; keepalive_timeout 0; server_tokens off;
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
  server {
    listen ${WEB_PORT} default_server;
    root ${root};
    add_header X-Answered-By ${name} always;
    location /written/ { dav_methods PUT; create_full_put_path on; }
  }
}
`;
}

export class WebServer {
  private readonly within: readonly string[];
  private readonly folder: string;
  private child: ChildProcess | undefined;

  constructor(within: readonly string[], folder: string, name: string, root: string) {
    this.within = within;
    this.folder = folder;
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'nginx.conf'), configuration(folder, name, root));
  }

  get running(): boolean {
    return this.child !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Ready when it holds its port. */
  async start(): Promise<void> {
    const [program, ...args] = [...this.within, 'nginx', '-p', this.folder, '-c', join(this.folder, 'nginx.conf')];
    const child = spawn(program!, [...args, '-e', join(this.folder, 'error.log')], { stdio: 'ignore' });
    this.child = child;
    await eventually('nginx listens', START_TIMEOUT_MS, () => {
      if (child.exitCode !== null) throw new Error(readFileSync(join(this.folder, 'error.log'), 'utf8'));
      return isListening(child.pid!) ? true : undefined;
    });
  }

  private async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const { child } = this;
    if (child === undefined || !this.running) return;
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill(signal);
    await ended;
  }

  /** Its worker too. */
  stop(): Promise<void> {
    return this.end('SIGTERM');
  }

  /** Its worker ends by itself soon after, or was killed with the machine. */
  kill(): Promise<void> {
    return this.end('SIGKILL');
  }
}

/** Of the process' network, by the kernel's table (state 0A). */
function isListening(pid: number): boolean {
  const port = WEB_PORT.toString(16).toUpperCase().padStart(4, '0');
  return new RegExp(`: 00000000:${port} \\S+ 0A`).test(readFileSync(`/proc/${pid}/net/tcp`, 'utf8'));
}
