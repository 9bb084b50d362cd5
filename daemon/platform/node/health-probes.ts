/** What Is Alive asks of networks and of this system (daemon/health/contract.ts). Nothing rejects; every answer comes within its limit. */

import { lookup } from 'node:dns';
import { statfs } from 'node:fs';
import { open } from 'node:fs/promises';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { connect, isIP } from 'node:net';
import { join } from 'node:path';
import type { Clock, Random } from '../../ports.ts';

/** See daemon/health/contract.ts. */
interface Answer {
  readonly outcome: 'passed' | 'failed' | 'skipped';
  readonly detail: string;
}
interface Site {
  readonly address: string;
  readonly port: number;
  readonly tls: boolean;
  readonly host: string;
  readonly path: string;
}
interface ServiceState {
  readonly name: string;
  readonly running: boolean | undefined;
  readonly detail: string;
}
interface Disk {
  readonly flushedAgeMs: number;
  readonly fullest?: { readonly path: string; readonly freeBytes: number; readonly freePercent: number };
  readonly problem?: string;
}
/** Sends echoes; see linux/icmp.ts. */
interface Echo {
  send(address: Uint8Array, sequence: number): boolean;
  answers(): number[];
  close(): void;
}

export interface ProbeSystem {
  /** Throws why not. Absent: this system has none. */
  readonly echo?: (version: 4 | 6, mark: Uint8Array) => Echo;
  readonly services: { state(name: string): Promise<'running' | 'stopped' | 'unknown'> };
}

/** Answers of an echo are looked for at these times after it was sent, then every LOOK_MS. */
const FIRST_LOOKS_MS = [1, 2, 4, 8, 16];
const LOOK_MS = 20;
/** A name that could not be asked again keeps the address it had. */
const NAME_KEPT_MS = 60_000;
/** A write is tried so often, and no other while one has not come back. */
const WRITE_EVERY_MS = 10_000;

const unanswered = (limitMs: number): string => `no answer within ${Math.round(limitMs)} ms`;

export class NetworkProbes {
  private readonly clock: Clock;
  private readonly random: Random;
  private readonly system: ProbeSystem;
  private readonly echoes = new Map<4 | 6, Echo | Error>();
  private readonly waiting = new Map<number, () => void>();
  private readonly names = new Map<string, { readonly address: string; readonly at: number }>();
  private sequence = 0;
  private readonly disks = new Map<string, DiskLook>();

  constructor(clock: Clock, random: Random, system: ProbeSystem) {
    this.clock = clock;
    this.random = random;
    this.system = system;
  }

  async ping(host: string, limitMs: number): Promise<Answer> {
    const address = await this.addressOf(host, limitMs);
    if (address === undefined) return { outcome: 'failed', detail: `${host} has no address` };
    const version = isIP(address) as 4 | 6;
    const echo = this.echo(version);
    if (echo instanceof Error) return { outcome: 'skipped', detail: `this engine cannot ping: ${echo.message}` };
    this.sequence += 1;
    const { sequence } = this;
    const sent = this.clock.bootMs();
    if (!echo.send(bytesOf(address), sequence)) return { outcome: 'failed', detail: 'there is no way to it' };
    return await new Promise((resolve) => {
      const finish = (answer: Answer): void => {
        this.waiting.delete(sequence);
        resolve(answer);
      };
      this.waiting.set(sequence, () =>
        finish({ outcome: 'passed', detail: `${(this.clock.bootMs() - sent).toFixed(1)} ms` }),
      );
      this.lookFor(echo, sequence, sent, limitMs, () => finish({ outcome: 'failed', detail: unanswered(limitMs) }));
    });
  }

  private lookFor(echo: Echo, sequence: number, sent: number, limitMs: number, fail: () => void, look = 0): void {
    this.clock.after(FIRST_LOOKS_MS[look] ?? LOOK_MS, () => {
      for (const answered of echo.answers()) this.waiting.get(answered)?.();
      if (!this.waiting.has(sequence)) return;
      if (this.clock.bootMs() - sent >= limitMs) fail();
      else this.lookFor(echo, sequence, sent, limitMs, fail, look + 1);
    });
  }

  private echo(version: 4 | 6): Echo | Error {
    const known = this.echoes.get(version);
    if (known !== undefined) return known;
    const made = this.openEcho(version);
    this.echoes.set(version, made);
    return made;
  }

  private openEcho(version: 4 | 6): Echo | Error {
    if (this.system.echo === undefined) return new Error('this version does so on Linux only');
    try {
      return this.system.echo(version, this.random.bytes(12));
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  /** Names are asked in the background: a resolver that hangs is not a host that is down. */
  private addressOf(host: string, limitMs: number): Promise<string | undefined> {
    if (isIP(host) !== 0) return Promise.resolve(host);
    const known = this.names.get(host);
    if (known !== undefined) {
      if (this.clock.bootMs() - known.at > NAME_KEPT_MS) void this.resolve(host);
      return Promise.resolve(known.address);
    }
    return Promise.race([
      this.resolve(host),
      new Promise<undefined>((done) => {
        this.clock.after(limitMs, () => done(undefined));
      }),
    ]);
  }

  private resolve(host: string): Promise<string | undefined> {
    return new Promise((done) => {
      lookup(host, (error, address) => {
        if (error === null) this.names.set(host, { address, at: this.clock.bootMs() });
        done(error === null ? address : this.names.get(host)?.address);
      });
    });
  }

  async connect(host: string, port: number, limitMs: number): Promise<Answer> {
    const address = await this.addressOf(host, limitMs);
    if (address === undefined) return { outcome: 'failed', detail: `${host} has no address` };
    return await new Promise((resolve) => {
      const socket = connect({ host: address, port });
      const finish = (outcome: Answer['outcome'], detail: string): void => {
        limit.cancel();
        socket.destroy();
        resolve({ outcome, detail });
      };
      const limit = this.clock.after(limitMs, () => finish('failed', unanswered(limitMs)));
      socket.once('connect', () => finish('passed', 'connected'));
      // A refusal comes from the host, so it is reached.
      socket.on('error', (error: NodeJS.ErrnoException) =>
        finish(error.code === 'ECONNREFUSED' ? 'passed' : 'failed', error.message),
      );
    });
  }

  async http(site: Site, limitMs: number): Promise<{ readonly status: number } | { readonly problem: string }> {
    const address = await this.addressOf(site.address, limitMs);
    if (address === undefined) return { problem: `${site.address} has no address` };
    const name = site.host.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
    return await new Promise((resolve) => {
      const send = site.tls ? requestHttps : requestHttp;
      const outgoing = send({
        host: address,
        port: site.port,
        path: site.path,
        // A new connection each time: that it is accepted is part of what is checked.
        agent: false,
        headers: { host: site.host, 'user-agent': 'mainstay-is-alive', connection: 'close' },
        // What is asked is whether the site answers; its certificate is a matter of verification.
        ...(site.tls ? { rejectUnauthorized: false, ...(isIP(name) === 0 ? { servername: name } : {}) } : {}),
      });
      const finish = (answer: { readonly status: number } | { readonly problem: string }): void => {
        limit.cancel();
        outgoing.destroy();
        resolve(answer);
      };
      const limit = this.clock.after(limitMs, () => finish({ problem: unanswered(limitMs) }));
      outgoing.once('response', (response) => finish({ status: response.statusCode ?? 0 }));
      outgoing.on('error', (error) => finish({ problem: error.message }));
      outgoing.end();
    });
  }

  async services(names: readonly string[]): Promise<readonly ServiceState[]> {
    return await Promise.all(
      names.map(async (name) => {
        const state = await this.system.services.state(name).catch(() => 'unknown' as const);
        const running = state === 'unknown' ? undefined : state === 'running';
        return { name, running, detail: state === 'unknown' ? 'this host does not know it' : state };
      }),
    );
  }

  disk(directory: string, volumes: readonly string[]): Disk {
    const known = this.disks.get(directory) ?? new DiskLook(this.clock, directory);
    this.disks.set(directory, known);
    return known.read([directory, ...volumes]);
  }
}

/** Writes to a disk and waits for it, one write at a time, apart from everything else. */
class DiskLook {
  private readonly clock: Clock;
  private readonly directory: string;
  private flushedAt: number;
  private startedAt: number | undefined;
  private busy = false;
  private problem: string | undefined;
  private fullest: Disk['fullest'];

  constructor(clock: Clock, directory: string) {
    this.clock = clock;
    this.directory = directory;
    // Not known yet is not long ago.
    this.flushedAt = clock.bootMs();
  }

  read(volumes: readonly string[]): Disk {
    const now = this.clock.bootMs();
    if (!this.busy && (this.startedAt === undefined || now - this.startedAt >= WRITE_EVERY_MS)) {
      // Asked again only after a while: until then its age grew for no fault of the disk.
      if (this.startedAt === undefined || now - this.startedAt > 2 * WRITE_EVERY_MS) this.flushedAt = now;
      this.startedAt = now;
      void this.look(volumes);
    }
    return {
      flushedAgeMs: now - this.flushedAt,
      ...(this.fullest === undefined ? {} : { fullest: this.fullest }),
      ...(this.problem === undefined ? {} : { problem: this.problem }),
    };
  }

  private async look(volumes: readonly string[]): Promise<void> {
    this.busy = true;
    try {
      const file = await open(join(this.directory, 'disk-probe'), 'w', 0o600);
      try {
        await file.write(String(this.clock.wallMs()));
        await file.datasync();
      } finally {
        await file.close();
      }
      this.problem = undefined;
    } catch (error) {
      this.problem = error instanceof Error ? error.message : String(error);
    }
    this.flushedAt = this.clock.bootMs();
    this.busy = false;
    const spaces = await Promise.all(volumes.map(spaceOf));
    this.fullest = spaces.filter((space) => space !== undefined).sort((a, b) => a.freePercent - b.freePercent)[0];
  }
}

function spaceOf(path: string): Promise<Disk['fullest']> {
  return new Promise((resolve) => {
    statfs(path, (error, { bavail, blocks, bsize } = { bavail: 0, blocks: 0, bsize: 0 } as never) => {
      if (error !== null || blocks === 0) resolve(undefined);
      else resolve({ path, freeBytes: bavail * bsize, freePercent: Math.round((bavail / blocks) * 1_000) / 10 });
    });
  });
}

function bytesOf(address: string): Uint8Array {
  if (isIP(address) === 4) return Uint8Array.from(address.split('.').map(Number));
  const [head = '', tail] = address.replace(/%.*$/, '').split('::');
  const groups = (text: string) =>
    (text === '' ? [] : text.split(':')).flatMap((group) => [
      Number.parseInt(group, 16) >> 8,
      Number.parseInt(group, 16) & 0xff,
    ]);
  const first = groups(head);
  const last = tail === undefined ? [] : groups(tail);
  return Uint8Array.from([...first, ...Array<number>(Math.max(0, 16 - first.length - last.length)).fill(0), ...last]);
}
