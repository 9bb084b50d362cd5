/** The life of scenarios on their Master: verify, run, stop, suspend, barrier, compare. */
import { Fault } from '../../shared/faults.ts';
import type { Finding, VerificationResult } from '../../shared/results.ts';
import type { HostReference, ScenarioDocument } from '../../shared/scenario.ts';
import { redirectionFindings } from '../redirect/verification.ts';
import type { CommandHandlers } from '../services.ts';
import { arbiterFindings } from '../switchover/verification.ts';
import { sorted, verify } from '../verify/service.ts';
import { fedBy, feeders, routeTo } from './cascade.ts';
import { compare } from './comparison.ts';
import type { DocumentDesk } from './document-desk.ts';
import type { ScenarioEnvironment } from './environment.ts';
import { scenarioState } from './machine.ts';
import type { MasterRunner } from './master-runner.ts';
import { type RunnerSet, replicaNamed } from './runner-set.ts';

const BARRIER_TIMEOUT_MS = 60_000;
const AUDIT_TIMEOUT_MS = 3_600_000;
const RELAY_VERIFY_TIMEOUT_MS = 60_000;

export class LifeDesk {
  readonly #environment: ScenarioEnvironment;
  readonly #scenarios: RunnerSet;
  readonly documents: DocumentDesk;

  constructor(environment: ScenarioEnvironment, scenarios: RunnerSet, documents: DocumentDesk) {
    this.#environment = environment;
    this.#scenarios = scenarios;
    this.documents = documents;
  }

  handlers(): CommandHandlers {
    return {
      'scenario.verify': async ({ name }) => await this.#verify(this.#scenarios.onMaster(name)),
      'scenario.run': async ({ name, sync, ignoreSame, acknowledgeWarnings }) => {
        const runner = this.#scenarios.onMaster(name);
        await runner.run({ method: sync, ignoreSame }, () => this.ready(runner, acknowledgeWarnings));
        return { state: scenarioState(runner.life) };
      },
      'scenario.stop': async ({ name }) => {
        const runner = this.#scenarios.onMaster(name);
        await runner.stop('by-user');
        return { state: scenarioState(runner.life) };
      },
      'scenario.suspend': async ({ name, replica }) => await this.#suspend(name, replica, true),
      'scenario.resume': async ({ name, replica }) => await this.#suspend(name, replica, false),
      'scenario.barrier': async ({ name, replica, timeoutMs = BARRIER_TIMEOUT_MS }) =>
        await this.#timed(() => this.#scenarios.onMaster(name).barrier(timeoutMs, replica)),
      'scenario.sendNow': async ({ name, replica, timeoutMs = BARRIER_TIMEOUT_MS }) =>
        await this.#timed(() => sendNow(this.#scenarios.onMaster(name), timeoutMs, replica)),
      'scenario.audit': async ({ name, timeoutMs = AUDIT_TIMEOUT_MS }) =>
        await this.#scenarios.onMaster(name).ask({ name: 'audit' }, timeoutMs),
      'scenario.diff': async ({ name, replica, ignoreSame }) =>
        await compare(this.#environment, this.#scenarios.onMaster(name), replica, ignoreSame),
    };
  }

  async #timed(work: () => Promise<unknown>) {
    const { clock } = this.#environment;
    const started = clock.bootMs();
    const position = await work();
    return { position, tookMs: clock.bootMs() - started };
  }

  async #verify(runner: MasterRunner): Promise<VerificationResult> {
    const { events, book } = this.#environment;
    const document = this.documents.identified(runner.document);
    if (JSON.stringify(document) !== JSON.stringify(runner.document)) {
      // Paired after it was created: from now on the pinned identity counts.
      await book.update((value) => {
        for (const stored of value.scenarios) if (stored.document.id === document.id) stored.document = document;
      });
    }
    const result = await this.findingsOf(document, runner.stored.relayOf);
    if (result.errors > 0) events.record('VER-003', { errors: result.errors }, document.name);
    else if (result.warnings > 0) events.record('VER-002', { warnings: result.warnings }, document.name);
    else events.record('VER-001', {}, document.name);
    return result;
  }

  /** Errors first, also of what Replicas find behind them. `besides`: a scenario on the same roots that may run. */
  async findingsOf(document: ScenarioDocument, besides?: string): Promise<VerificationResult> {
    const [hosts, ...others] = await Promise.all([
      verify(this.#environment, document, this.#scenarios.occupied(document.id, besides)),
      redirectionFindings(this.#environment, document),
      arbiterFindings(this.#environment, document),
    ]);
    const more = others.flat();
    const own = more.length === 0 ? hosts : sorted([...hosts.findings, ...more]);
    const ask = async (feeder: HostReference): Promise<Finding[]> => {
      const args = { document: { ...document } };
      const answer = await this.#environment.peers.request(feeder, 'peer.relayVerify', args, RELAY_VERIFY_TIMEOUT_MS);
      return [...(answer as VerificationResult).findings];
    };
    const asked = feeders(document);
    const answers = await Promise.allSettled(asked.map(ask));
    const behind = answers.flatMap((answer, index) => {
      if (answer.status === 'fulfilled') return answer.value;
      const { name } = asked[index]!;
      // One that cannot be reached at all is an error of its own already.
      const known = own.findings.some(({ severity, host }) => severity === 'error' && host === name);
      return known ? [] : [unverifiedBehind(name, Fault.from(answer.reason))];
    });
    return behind.length === 0 ? own : sorted([...own.findings, ...behind]);
  }

  /** What has to be true before Run: no errors, warnings acknowledged, every Replica ready. */
  async ready(runner: MasterRunner, acknowledgeWarnings: boolean): Promise<void> {
    const { name } = runner.document;
    const { errors, warnings, findings } = await this.#verify(runner);
    if (errors > 0) throw new Fault('SCENARIO-ERRORS', { name, errors, first: findings[0]?.text ?? '' });
    if (warnings > 0 && !acknowledgeWarnings) {
      throw new Fault('SCENARIO-WARNINGS', { name, warnings, first: findings[0]?.text ?? '' });
    }
    await runner.peers.prepareAll();
  }

  async #suspend(name: string, host: string | undefined, suspended: boolean) {
    const runner = this.#scenarios.onMaster(name);
    // Whoever feeds others holds them back with it.
    const hosts = host === undefined ? fedBy(runner.document) : [replicaNamed(runner.document, host)];
    for (const replica of hosts) await this.suspendOne(runner, replica.name, suspended);
    return { state: scenarioState(runner.life) };
  }

  async suspendOne(runner: MasterRunner, host: string, suspended: boolean): Promise<void> {
    const { document } = runner;
    const replica = replicaNamed(document, host);
    const route = routeTo(document, host);
    if (route === undefined || route === replica) {
      await runner.suspend(replica.deviceId ?? '', suspended);
      return;
    }
    const args = { scenarioId: document.id, replica: host, suspended };
    await this.#environment.peers.request(route, 'peer.relaySuspend', args);
  }
}

function unverifiedBehind(host: string, { code, message, hint }: Fault): Finding {
  return {
    severity: 'error',
    code: code === 'SCENARIO-CYCLE' ? code : 'BEHIND-UNVERIFIED',
    host,
    text: code === 'SCENARIO-CYCLE' ? message : `What ${host} would feed cannot be verified: ${message}`,
    fix: hint,
  };
}

/** Sends what the schedule would keep; resolves when everything changed before now is applied everywhere (or on `replica`). */
async function sendNow(runner: MasterRunner, timeoutMs: number, replica: string | undefined): Promise<unknown> {
  await runner.ask({ name: 'release', on: true });
  try {
    return await runner.barrier(timeoutMs, replica, true);
  } finally {
    // Also when it timed out: what is on its way goes on, what is changed from now on waits.
    await runner.ask({ name: 'release', on: false }).catch(() => undefined);
  }
}
