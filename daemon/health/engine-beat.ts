/**
 * Heartbeats of the other engine, with what it says of its own host. They go over the control connection, which is not the one that data
 * goes over, and are answered by the thread that does nothing else than listen: engines under load do not delay them.
 */
import { z } from 'zod';
import { Fault } from '../../shared/faults.ts';
import type { HostReference } from '../../shared/scenario.ts';
import { formatBytes, formatDuration } from '../../shared/units.ts';
import type { Clock } from '../ports.ts';
import type { PeerControl } from '../services.ts';
import type { Probe, ProbeAnswer } from './contract.ts';

/** `peer.alive`. */
const aliveAnswer = z.object({
  services: z.array(z.object({ name: z.string(), running: z.boolean().optional(), detail: z.string() })),
  disk: z.object({
    flushedAgeMs: z.number(),
    fullest: z.object({ path: z.string(), freeBytes: z.number(), freePercent: z.number() }).optional(),
    problem: z.string().optional(),
  }),
});
type AliveAnswer = z.infer<typeof aliveAnswer>;

type Heard =
  | { readonly is: 'answer'; readonly answer: AliveAnswer }
  /** It answers, but not this. */
  | { readonly is: 'refusal'; readonly reason: string }
  | { readonly is: 'silence'; readonly reason: string };

/** Nobody is there, or somebody else. */
const SILENCE = new Set(['LINK-UNREACHABLE', 'TIMEOUT', 'ACCESS-PIN', 'INTERNAL']);
/** Space below which a volume counts as full. */
const FULL_PERCENT = 1;
/** A disk that takes longer for one flush hangs. */
const HANGING_DISK_MS = 30_000;

export interface BeatPorts {
  readonly clock: Clock;
  readonly peers: PeerControl;
}

export class EngineBeat {
  readonly #ports: BeatPorts;
  readonly #scenarioId: string;
  readonly #host: HostReference;
  #asked: Promise<Heard> | undefined;

  constructor(ports: BeatPorts, scenarioId: string, host: HostReference) {
    this.#ports = ports;
    this.#scenarioId = scenarioId;
    this.#host = host;
  }

  /** The engine itself. */
  engine(): Probe {
    return {
      name: 'engine',
      kind: 'engine',
      ask: async (limitMs) => {
        const heard = await this.#hear(limitMs);
        if (heard.is === 'silence') return { outcome: 'failed', detail: heard.reason };
        return { outcome: 'passed', detail: heard.is === 'answer' ? 'answers' : `answers: ${heard.reason}` };
      },
    };
  }

  /** That a service runs there. */
  service(name: string): Probe {
    return {
      name: `service ${name}`,
      kind: 'service',
      ask: async (limitMs) => {
        const heard = await this.#hear(limitMs);
        if (heard.is !== 'answer') return unheard(heard);
        const reading = heard.answer.services.find((service) => service.name === name);
        if (reading?.running === undefined) return { outcome: 'skipped', detail: reading?.detail ?? 'not told' };
        return { outcome: reading.running ? 'passed' : 'failed', detail: reading.detail };
      },
    };
  }

  /** That its disk takes what is written; how full it is is told and fails nothing. */
  disk(): Probe {
    return {
      name: 'disk',
      kind: 'disk',
      ask: async (limitMs) => {
        const heard = await this.#hear(limitMs);
        return heard.is === 'answer' ? diskAnswer(heard.answer.disk) : unheard(heard);
      },
    };
  }

  /** One request for all that ask in the same turn. */
  #hear(limitMs: number): Promise<Heard> {
    if (this.#asked !== undefined) return this.#asked;
    const asked = this.#request(limitMs);
    this.#asked = asked;
    this.#ports.clock.after(0, () => {
      this.#asked = undefined;
    });
    return asked;
  }

  async #request(limitMs: number): Promise<Heard> {
    const { clock, peers } = this.#ports;
    const limit = new Promise<Heard>((resolve) => {
      clock.after(limitMs, () => resolve({ is: 'silence', reason: `no answer within ${formatDuration(limitMs)}` }));
    });
    return await Promise.race([limit, this.#ask(peers, limitMs)]);
  }

  async #ask(peers: PeerControl, limitMs: number): Promise<Heard> {
    try {
      const result = await peers.request(this.#host, 'peer.alive', { scenarioId: this.#scenarioId }, limitMs);
      const parsed = aliveAnswer.safeParse(result);
      return parsed.success ? { is: 'answer', answer: parsed.data } : { is: 'refusal', reason: 'in another version' };
    } catch (error) {
      const fault = Fault.from(error);
      return { is: SILENCE.has(fault.code) ? 'silence' : 'refusal', reason: fault.message };
    }
  }
}

function unheard(heard: Exclude<Heard, { is: 'answer' }>): ProbeAnswer {
  return { outcome: 'skipped', detail: heard.is === 'silence' ? 'the engine does not answer' : heard.reason };
}

function diskAnswer({ flushedAgeMs, fullest, problem }: AliveAnswer['disk']): ProbeAnswer {
  const age = formatDuration(Math.round(flushedAgeMs));
  if (flushedAgeMs > HANGING_DISK_MS) return { outcome: 'failed', detail: `no write has reached it for ${age}` };
  if (problem !== undefined) return { outcome: 'passed', detail: `cannot be written: ${problem}` };
  const space =
    fullest === undefined
      ? ''
      : `, ${formatBytes(fullest.freeBytes)} free on ${fullest.path}${fullest.freePercent < FULL_PERCENT ? ' (FULL)' : ''}`;
  return { outcome: 'passed', detail: `a write reached it ${age} ago${space}` };
}
