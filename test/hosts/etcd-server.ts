/** A member of etcd on loopback, with or without TLS. */
import { type ChildProcess, spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { delay, eventually, freePort } from './rig.ts';

const PROGRAM = 'etcd';
const START_TIMEOUT_MS = 15_000;

export class EtcdServer {
  readonly url: string;
  readonly #child: ChildProcess;

  private constructor(url: string, child: ChildProcess) {
    this.url = url;
    this.#child = child;
  }

  /** `tls`: its options for HTTPS. */
  static async start(top: string, tls: readonly string[] = []): Promise<EtcdServer> {
    const [clients, peers] = [await freePort(), await freePort()];
    const url = `${tls.length === 0 ? 'http' : 'https'}://127.0.0.1:${clients}`;
    const peer = `http://127.0.0.1:${peers}`;
    const places = ['--data-dir', join(top, 'etcd'), '--listen-client-urls', url, '--advertise-client-urls', url];
    const cluster = [
      '--listen-peer-urls',
      peer,
      '--initial-advertise-peer-urls',
      peer,
      '--initial-cluster',
      `default=${peer}`,
    ];
    const log = openSync(join(top, 'etcd.log'), 'a');
    const child = spawn(PROGRAM, [...places, ...cluster, ...tls], { stdio: ['ignore', log, log] });
    const server = new EtcdServer(url, child);
    await eventually('etcd listens', START_TIMEOUT_MS, async () => {
      if (tls.length > 0) return await delay(1_500).then(() => true);
      const answer = await fetch(`${url}/health`);
      return answer.ok ? true : undefined;
    });
    return server;
  }

  /** A request of an administrator, without TLS. */
  async ask(path: string, body: object): Promise<unknown> {
    const answer = await fetch(`${this.url}/v3/${path}`, { method: 'POST', body: JSON.stringify(body) });
    return await answer.json();
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((done) => this.#child.once('exit', done));
    this.#child.kill('SIGKILL');
    await ended;
  }
}
