/** What a switchover would do, without doing it: both sides' commands and records, what stands in the way, what it costs. */
import type { Finding, SwitchoverPlan } from '../../shared/results.ts';
import { STEP_TITLES } from '../../shared/role.ts';
import type { HostReference, ScenarioDocument } from '../../shared/scenario.ts';
import type { ScenarioStatus } from '../../shared/status.ts';

/** What a host says of its side (`peer.switchSide`). */
export interface SwitchSide {
  readonly side: 'master' | 'replica';
  /** It is a Replica and has put away what it had before: links to it are not refused. */
  readonly takesData: boolean;
  /** It handed over, and its data may differ from the one of the host that took over. */
  readonly unequal?: string;
  readonly findings: readonly Finding[];
  /** Commands and records, one a line. */
  readonly release: readonly string[];
  readonly acquire: readonly string[];
  /** Services that are started and stopped with the role. */
  readonly services: readonly string[];
}

export interface DryRunInput {
  readonly document: ScenarioDocument;
  readonly status: ScenarioStatus;
  readonly from: HostReference;
  readonly to: HostReference;
  /** Undefined: that host does not answer. */
  readonly fromSide: SwitchSide | undefined;
  readonly toSide: SwitchSide | undefined;
  readonly refusal: string | undefined;
  /** Measured by passing a barrier now; undefined: there is none to pass. */
  readonly drainMs: number | undefined;
  readonly roundTripMs: number | undefined;
  readonly reverses: boolean;
  /** By what right the host takes over when the other one does not answer, one line each. */
  readonly alone: readonly string[];
}

/** Words that have to come and go between the hosts from the closed gate to the open one (daemon/role). */
const WORDS = 5;

export function switchoverPlan(input: DryRunInput): SwitchoverPlan {
  const { from, to, fromSide, toSide, status, refusal } = input;
  const alone = fromSide === undefined;
  const replica = status.hosts.find(({ name }) => name === to.name);
  const { lagMs = 0, exposureMs = 0, exposureBytes = 0 } = replica ?? {};
  const step = (name: keyof typeof STEP_TITLES, host: string, lines: readonly string[]) => ({
    step: name,
    title: STEP_TITLES[name],
    host,
    lines,
  });
  const kept = [
    step('prepare', `${from.name}, ${to.name}`, []),
    step('drain', from.name, [
      `close the client gate of ${from.name}`,
      ...(fromSide?.services ?? []).map((name) => `stop service ${name}`),
      `wait until every change is applied on ${to.name}`,
    ]),
    step('final-ack', to.name, ['refuse any later change of the epoch that ends']),
    step('commit', from.name, [`write the epoch ${status.epoch + 1} durably`]),
    step('release', from.name, fromSide?.release ?? []),
  ];
  const taken = [step('commit', to.name, [...input.alone, `write the epoch ${status.epoch + 1} durably`])];
  const predicted =
    input.drainMs === undefined || alone ? undefined : Math.round(input.drainMs + WORDS * (input.roundTripMs ?? 0));
  return {
    name: input.document.name,
    from: from.name,
    to: to.name,
    possible: refusal === undefined,
    ...(refusal === undefined ? {} : { refusal }),
    steps: [
      ...(alone ? taken : kept),
      step('promote', to.name, [
        'apply everything that was received',
        ...(toSide?.services ?? []).map((name) => `start service ${name}`),
      ]),
      step('acquire', to.name, [...(toSide?.acquire ?? []), `open the client gate of ${to.name}`]),
      step('reverse', to.name, [
        input.reverses
          ? `replicate from ${to.name} to ${from.name}`
          : 'the scenario stops; Run replicates in the reverse direction',
        ...followers(input, alone),
      ]),
    ],
    findings: [...(fromSide?.findings ?? []), ...(toSide?.findings ?? [])],
    ...(predicted === undefined ? {} : { predictedMs: predicted }),
    loss: alone ? { lagMs, exposureMs, exposureBytes, known: replica?.lagKnown !== false } : 'none',
  };
}

/** What becomes of Replicas that have no part in it. */
function followers({ document, from, to, reverses }: DryRunInput, alone: boolean): string[] {
  const others = document.replicas.filter(({ name }) => name !== to.name && name !== from.name);
  const how =
    reverses && !alone
      ? 'without a comparison if it has every change by then'
      : 'after a comparison; what only it has keeps it back until you run the scenario';
  return others.map(({ name }) => `${name} follows ${to.name}, ${how}`);
}
