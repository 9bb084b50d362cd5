/** The clocks of a simulated host: its wall clock may be wrong and may be set at any time, its boot time only starts over. */
import type { Clock, Timer } from '../../daemon/ports.ts';
import type { SimulatedClock } from '../memory/clock.ts';

/** A host's clock: boot time starts over with a power cut, and nothing a dead process has planned ever happens. */
export class HostClock implements Clock {
  private readonly world: SimulatedClock;
  private process = 0;
  private bootedAtMs = 0;
  /** What its wall clock is wrong by. */
  wrongByMs = 0;
  /** The host's own process is running right now (not a user, not the world). */
  inside = false;

  constructor(world: SimulatedClock) {
    this.world = world;
  }

  wallMs(): number {
    return this.world.wallMs() + this.wrongByMs;
  }

  bootMs(): number {
    return this.world.bootMs() - this.bootedAtMs;
  }

  after(delayMs: number, run: () => void): Timer {
    const { process } = this;
    return this.world.after(delayMs, () => {
      if (process === this.process) this.enter(run);
    });
  }

  enter(run: () => void): void {
    const before = this.inside;
    this.inside = true;
    try {
      run();
    } finally {
      this.inside = before;
    }
  }

  endProcess(): void {
    this.process += 1;
  }

  reboot(): void {
    this.endProcess();
    this.bootedAtMs = this.world.bootMs();
  }
}
