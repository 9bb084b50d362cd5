/** How far a switchover is: from the events of both hosts, so that a console that comes later sees the same. Pure. */
import { SWITCH_STEPS, type SwitchStep } from '../../shared/role.ts';
import { scenarioById } from '../select.ts';
import { reportsOf, switchoverOf } from '../select-roles.ts';
import type { ConsoleState, StoredEvent } from '../state.ts';
import type { SwitchDialog } from '../state-roles.ts';

export interface StepView {
  readonly step: SwitchStep;
  readonly state: 'done' | 'now' | 'waiting' | 'skipped';
  /** Host that does it, as far as it is known. */
  readonly host?: string;
  /** From its begin to the begin of the next; of the one under way: until now. */
  readonly tookMs?: number;
}

export interface SwitchProgress {
  readonly steps: readonly StepView[];
  /** It is over: who is active now. */
  readonly over?: { readonly active: string; readonly epoch: number };
  /** It was given up: nothing has changed. */
  readonly gaveUp?: string;
  /** Why the step under way does not get on. */
  readonly problem?: string;
  /** Planned: from the closed gate to the open one, ms. */
  readonly cutOffMs?: number;
  /** Without the other host: from the begin to the open gate; how long users had nobody before is not known by it. */
  readonly tookOverMs?: number;
  /** No host that takes part is heard. */
  readonly silent: boolean;
}

const BEGUN = 'SWT-004';
const GIVEN_UP = 'SWT-003';

interface Begin {
  /** Of the event; clocks of hosts say nothing of what came after what in this console. */
  readonly event: number;
  readonly at: number;
  readonly host: string;
}

/** When each step of the switchover began first, by either host. */
function beginnings(events: readonly StoredEvent[], scenario: string, id: string): ReadonlyMap<number, Begin> {
  const found = new Map<number, Begin>();
  for (const { record, id: event } of events) {
    const { code, data, at, host } = record;
    if (code !== BEGUN || record.scenario !== scenario || data?.switchover !== id) continue;
    const number = Number(data.step);
    const known = found.get(number);
    if (known === undefined || at < known.at) found.set(number, { event, at, host });
  }
  return found;
}

/** Of the newest one that events tell of which came since. */
export function newestSwitchover(events: readonly StoredEvent[], scenario: string, since: number): string | undefined {
  const last = events.findLast(
    ({ id, record: { code, scenario: of, data } }) =>
      id >= since && code === BEGUN && of === scenario && data?.switchover !== undefined,
  );
  return last === undefined ? undefined : String(last.record.data?.switchover);
}

export function progressOf(state: ConsoleState, dialog: SwitchDialog): SwitchProgress {
  const { scenario, scenarioId, id } = dialog;
  const reports = reportsOf(state, scenarioId).filter(({ live }) => live);
  const under = switchoverOf(reports);
  const begun = id === undefined ? new Map<number, Begin>() : beginnings(state.events, scenario, id);
  const gaveUp = givenUp(state, dialog, begun);
  const isUnder = under !== undefined && (id === undefined || under.id === id);
  const reached = Math.max(0, ...begun.keys(), isUnder ? SWITCH_STEPS.indexOf(under.step) + 1 : 0);
  const over = isUnder || gaveUp !== undefined ? undefined : ended(state, dialog, reached);
  const alone = isAlone(begun, dialog);
  const gapMs = between(begun, alone ? 6 : 2, 8);
  const steps = SWITCH_STEPS.map((step, index) =>
    stepView(step, index + 1, {
      begun,
      reached,
      over: over !== undefined,
      now: state.now,
      alone,
    }),
  );
  return {
    steps,
    silent: reports.length === 0,
    ...(over === undefined ? {} : { over }),
    ...(gaveUp === undefined ? {} : { gaveUp }),
    ...(isUnder && under.problem !== undefined ? { problem: under.problem } : {}),
    ...(gapMs === undefined ? {} : alone ? { tookOverMs: gapMs } : { cutOffMs: gapMs }),
  };
}

/** The host that was active takes no part: its steps are skipped. */
function isAlone(begun: ReadonlyMap<number, Begin>, { job }: SwitchDialog): boolean {
  if (job !== 'planned') return true;
  return begun.size > 0 && Math.min(...begun.keys()) >= 6;
}

function between(begun: ReadonlyMap<number, Begin>, from: number, to: number): number | undefined {
  const first = begun.get(from);
  const last = begun.get(to);
  return first === undefined || last === undefined ? undefined : Math.max(0, last.at - first.at);
}

interface Surroundings {
  readonly begun: ReadonlyMap<number, Begin>;
  readonly reached: number;
  readonly over: boolean;
  readonly now: number;
  readonly alone: boolean;
}

function stepView(step: SwitchStep, number: number, around: Surroundings): StepView {
  const { begun, reached, over, now, alone } = around;
  const own = begun.get(number);
  const host = own === undefined ? {} : { host: own.host };
  if (alone && number < 6) return { step, state: 'skipped' };
  if (number > reached) return { step, state: over ? 'skipped' : 'waiting' };
  if (number === reached && !over) {
    return { step, state: 'now', ...host, ...(own === undefined ? {} : { tookMs: Math.max(0, now - own.at) }) };
  }
  const later = [...begun].filter(([other]) => other > number).map(([, { at }]) => at);
  if (own === undefined || later.length === 0) return { step, state: 'done', ...host };
  return { step, state: 'done', ...host, tookMs: Math.max(0, Math.min(...later) - own.at) };
}

function givenUp(state: ConsoleState, { scenario, asked }: SwitchDialog, begun: ReadonlyMap<number, Begin>) {
  const since = Math.min(
    ...[...begun.values()].map(({ event }) => event),
    asked?.nextEvent ?? Number.POSITIVE_INFINITY,
  );
  const event = state.events.findLast(
    ({ id, record }) => id >= since && record.code === GIVEN_UP && record.scenario === scenario,
  );
  return event?.record.text;
}

/** Nothing is under way any more, and the epoch is another one. */
function ended(state: ConsoleState, { scenarioId, asked, to }: SwitchDialog, reached: number): SwitchProgress['over'] {
  const status = scenarioById(state, scenarioId)?.status;
  const roles = status?.roles;
  if (status === undefined || roles === undefined || scenarioById(state, scenarioId)?.stale === true) return undefined;
  const isNew = asked === undefined ? reached > 0 : status.epoch > asked.epoch;
  const isThere = status.active === to || asked === undefined;
  return isNew && isThere ? { active: status.active, epoch: status.epoch } : undefined;
}
