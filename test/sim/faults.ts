/** What happens to simulated hosts and what their operator does: drawn at random, each to pass by itself. */
import { Fault } from '../../shared/faults.ts';
import { baseName } from '../../shared/path.ts';
import type { SimulatedHost } from './hosts.ts';
import type { Line, LineWorld } from './line.ts';
import type { WorldSettings } from './settings.ts';
import { Tampering } from './tampering.ts';

export interface FaultWorld extends LineWorld {
  readonly hosts: readonly SimulatedHost[];
  readonly lines: readonly Line[];
  readonly settings: WorldSettings;
  /** Takes them out: `--without`. */
  readonly without: readonly string[];
  readonly kill: (host: SimulatedHost, how: string) => void;
  readonly afterDeath: (host: SimulatedHost) => void;
  /** Users rest and a barrier is asked for. */
  readonly probe: () => void;
}

const JUMPS_MS = [700, 30_000, 3_600_000, 172_800_000];
const NAMES_MADE = new Set(['commit', 'make', 'write']);

export class Faults {
  private readonly world: FaultWorld;
  private readonly kinds: readonly { readonly name: string; readonly happen: () => void }[];
  private readonly tamperings: ReadonlyMap<SimulatedHost, Tampering>;

  constructor(world: FaultWorld) {
    this.world = world;
    this.tamperings = new Map(world.hosts.filter(({ plan }) => plan.isFed).map((host) => [host, new Tampering(host)]));
    this.kinds = this.list().filter(({ name }) => !world.without.includes(name));
    for (const host of world.hosts) this.setTrouble(host, undefined);
  }

  happen(): void {
    this.world.random.pick(this.kinds).happen();
  }

  private list(): { readonly name: string; readonly happen: () => void }[] {
    const { random } = this.world;
    const inside = { name: 'kill-inside', happen: () => this.anyHost().killInside(1 + random.below(60)) };
    const cut = { name: 'cut', happen: () => this.anyLine().cut('the link is cut') };
    return [
      cut,
      cut,
      inside,
      inside,
      { name: 'kill', happen: () => this.world.kill(this.anyHost(), 'killed') },
      { name: 'lost-hints', happen: () => this.loseHints() },
      { name: 'doubled-hints', happen: () => this.doubleHints() },
      { name: 'power', happen: () => this.losePower() },
      { name: 'disk-full', happen: () => this.fillDisk() },
      { name: 'planted-link', happen: () => this.plantLink() },
      { name: 'restart', happen: () => this.restart() },
      { name: 'suspend', happen: () => this.suspend() },
      { name: 'unmount', happen: () => this.unmount() },
      { name: 'io-errors', happen: () => this.failOperations('FS-IO', 0.01) },
      { name: 'no-room', happen: () => this.failOperations('FS-FULL', 0.3) },
      { name: 'no-handles', happen: () => this.failOperations('FS-LIMIT', 0.2) },
      { name: 'busy', happen: () => this.refuseName('FS-BUSY') },
      { name: 'denied', happen: () => this.refuseName('FS-DENIED') },
      { name: 'bandwidth', happen: () => this.changeBandwidth() },
      { name: 'probe', happen: () => this.world.probe() },
      { name: 'probe', happen: () => this.world.probe() },
      ...this.listOdd(),
    ];
  }

  private listOdd(): { readonly name: string; readonly happen: () => void }[] {
    const { wrongClocks, revokes } = this.world.settings;
    const clock = { name: 'clock', happen: () => this.setClock() };
    return [
      ...(wrongClocks ? [clock, clock] : []),
      ...(revokes ? [{ name: 'revoke', happen: () => this.revoke() }] : []),
    ];
  }

  /** Everything that has not passed yet ends; wall clocks stay as wrong as they are. */
  heal(): void {
    for (const line of this.world.lines) line.admit();
    for (const host of this.world.hosts) {
      this.mountAgain(host);
      this.tamperings.get(host)?.takeAway();
      host.volume.totalBytes = 2 ** 40;
      host.killInside(0);
      this.setTrouble(host, undefined);
    }
    for (const line of this.world.lines) this.resume(line);
  }

  private anyHost(): SimulatedHost {
    return this.world.random.pick(this.world.hosts);
  }

  private fedHost(): SimulatedHost {
    return this.world.random.pick(this.world.hosts.filter(({ plan }) => plan.isFed));
  }

  private anyLine(): Line {
    return this.world.random.pick(this.world.lines);
  }

  private feedingHost(): SimulatedHost {
    return this.anyLine().up;
  }

  private later(longestMs: number, run: () => void): void {
    this.world.clock.after(this.world.random.below(longestMs), run);
  }

  // ---------------------------------------------------------------- notifications

  private loseHints(): void {
    const host = this.feedingHost();
    this.world.note(`${host.name}: hints are lost, the loss is signalled`);
    host.capture!.overflow(0);
  }

  private doubleHints(): void {
    const host = this.feedingHost();
    this.world.note(`${host.name}: hints arrive twice`);
    for (const { name } of host.tree.scan('')) host.capture!.emit({ kind: 'dirty', root: 0, path: name, closed: true });
  }

  // ---------------------------------------------------------------- hosts

  private losePower(): void {
    const host = this.anyHost();
    this.world.note(`${host.name}: power cut`);
    // A second power cut during recovery may leave a Replica with nothing but a comparison.
    for (const line of this.world.lines) if (line.down === host) line.allowedSynchronizations += 1;
    // What was put aside would come back twice: as the volume remembers it and as it was put aside.
    this.tamperings.get(host)?.takeAway();
    host.powerCut();
    this.world.afterDeath(host);
  }

  private restart(): void {
    const host = this.anyHost();
    if (!host.alive) return;
    this.world.note(`${host.name}: stops`);
    host.stop();
    this.world.afterDeath(host);
  }

  /** Somebody sets the wall clock of a host, or the time service does. */
  private setClock(): void {
    const host = this.anyHost();
    const { random, note } = this.world;
    const byMs = random.pick(JUMPS_MS) * random.pick([1, -1]);
    note(`${host.name}: the clock jumps by ${byMs} ms`);
    host.clock.wrongByMs += byMs;
  }

  /** The feeder does not trust the host any more, until they are paired again. */
  private revoke(): void {
    const line = this.anyLine();
    if (line.revoked) return;
    this.world.note(`${line.name}: revoked`);
    line.revoke();
    this.later(8_000, () => line.admit());
  }

  private suspend(): void {
    const line = this.anyLine();
    if (line.suspended) return;
    this.world.note(`${line.name}: suspended`);
    line.suspended = true;
    this.world.calls.ask(line.up, { name: 'suspend', peer: line.down.name, suspended: true });
    this.later(6_000, () => this.resume(line));
  }

  private resume(line: Line): void {
    if (!line.suspended) return;
    this.world.note(`${line.name}: resumed`);
    line.suspended = false;
    this.world.calls.ask(line.up, { name: 'suspend', peer: line.down.name, suspended: false });
  }

  private changeBandwidth(): void {
    const host = this.feedingHost();
    const bytesPerSecond = this.world.random.pick([0, 20_000, 200_000]);
    this.world.note(`${host.name}: ${bytesPerSecond} B/s`);
    const compression = this.world.random.pick(['off', 'zstd']);
    this.world.calls.ask(host, { name: 'bandwidth', policy: { bytesPerSecond, grid: [], compression } });
  }

  // ---------------------------------------------------------------- volumes

  private fillDisk(): void {
    const { volume, name } = this.fedHost();
    this.world.note(`${name}: disk full`);
    volume.totalBytes = volume.usedBytes + this.world.random.below(100);
    this.later(4_000, () => {
      volume.totalBytes = 2 ** 40;
    });
  }

  private unmount(): void {
    const host = this.anyHost();
    // What a Run finds is taken for the root; an operator who runs without his volume has to run again.
    if (host.isUnmounted || this.world.lines.some(({ everSynchronized }) => !everSynchronized)) return;
    this.world.note(`${host.name}: root unmounted`);
    host.unmount();
    this.later(5_000, () => this.mountAgain(host));
  }

  private mountAgain(host: SimulatedHost): void {
    if (!host.isUnmounted) return;
    this.world.note(`${host.name}: root mounted again`);
    const strays = host.mountAgain();
    if (strays.length > 0) this.world.problem(`${host.name}: written where nothing was mounted: ${strays.join(', ')}`);
  }

  private plantLink(): void {
    const host = this.fedHost();
    const path = this.tamperings.get(host)!.plant(this.world.random);
    if (path === undefined) return;
    this.world.note(`${host.name}: link planted at ${path}`);
    for (const line of this.world.lines) if (line.down === host || line.up === host) line.tampered = true;
    this.later(5_000, () => {
      const back = this.tamperings.get(host)!.takeAway();
      if (back !== undefined) this.world.note(`${host.name}: link taken away from ${back}`);
    });
  }

  /** For a while operations fail at random. */
  private failOperations(code: 'FS-IO' | 'FS-FULL' | 'FS-LIMIT', probability: number): void {
    const { random, note } = this.world;
    const host = this.anyHost();
    note(`${host.name}: ${code} now and then`);
    this.trouble(host, 1_500, (operation, path) => {
      // The record is written by its own library, which meets only a full disk; looking and reading need no room.
      if (operation === 'commit-state' && code !== 'FS-FULL') return;
      if (code === 'FS-FULL' && /^(scan|stat|read|remove|drop|flush)/.test(operation)) return;
      if (random.chance(probability)) throw new Fault(code, { path, reason: 'injected' });
    });
  }

  /** For a while nobody gets at files of one name. */
  private refuseName(code: 'FS-BUSY' | 'FS-DENIED'): void {
    const { random, note } = this.world;
    const host = this.anyHost();
    const name = random.pick(['a', 'index.html', 'leaf', 'burst1']);
    note(`${host.name}: ${code} for "${name}"`);
    this.trouble(host, 8_000, (operation, path) => {
      if (!/^(read|commit|make|write|rename|keep|metadata)/.test(operation) || baseName(path) !== name) return;
      throw new Fault(code, { path });
    });
  }

  private trouble(host: SimulatedHost, longestMs: number, trouble: SimulatedHost['trouble']): void {
    this.setTrouble(host, trouble);
    this.later(longestMs, () => this.setTrouble(host, undefined));
  }

  private setTrouble(host: SimulatedHost, passing: SimulatedHost['trouble'] | undefined): void {
    const { refusedName } = this.world.settings;
    host.trouble = (operation, path) => {
      passing?.(operation, path);
      if (!host.plan.isFed || refusedName === undefined) return;
      if (NAMES_MADE.has(operation) && baseName(path) === refusedName) throw new Fault('FS-DENIED', { path });
    };
  }
}
