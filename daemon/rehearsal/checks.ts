/** What a rehearsal checks on a copy, through the view that lies over it. Those of applications join here. */
import { Fault } from '../../shared/faults.ts';
import type { RehearsalCheck } from '../../shared/rehearsal.ts';
import { formatBytes, formatCount } from '../../shared/units.ts';
import type { ScenarioEnvironment } from '../scenario/environment.ts';

export interface RehearsedCopy {
  readonly scenario: string;
  /** Absolute paths on this host. */
  readonly roots: readonly string[];
  /** Sequence that is tested. */
  readonly seq: number;
  /** Registered script; empty: none. */
  readonly script: string;
  /** For each check, ms. */
  readonly limitMs: number;
}

type Verdict = Pick<RehearsalCheck, 'passed' | 'text' | 'output'>;

/** Runs one after the other; a check that throws has failed. */
export async function runChecks(environment: ScenarioEnvironment, copy: RehearsedCopy): Promise<RehearsalCheck[]> {
  const checks: RehearsalCheck[] = [];
  const check = async (name: string, look: () => Promise<Verdict>): Promise<void> => {
    const startedMs = environment.clock.bootMs();
    const verdict = await look().catch(
      (error: unknown): Verdict => ({ passed: false, text: Fault.from(error).message }),
    );
    checks.push({ name, ...verdict, tookMs: Math.round(environment.clock.bootMs() - startedMs) });
  };
  for (const root of copy.roots) {
    await check(`Readable: ${root}`, () => readable(environment, root, copy.limitMs));
    await check(`Writable: ${root}`, () => writable(environment, root));
  }
  if (copy.script !== '') await check(`Script: ${copy.script}`, () => script(environment, copy));
  return checks;
}

async function readable({ inspector }: ScenarioEnvironment, root: string, limitMs: number): Promise<Verdict> {
  const { entries, bytes = 0, complete, unreadable } = await inspector.dataset(root, limitMs, true);
  const found = `${formatCount(entries)} entries, ${formatBytes(bytes)}`;
  if (unreadable.length > 0) return { passed: false, text: `${found}; not readable: ${unreadable.join(', ')}` };
  return complete ? { passed: true, text: found } : { passed: false, text: `${found}, then the time was over` };
}

async function writable({ inspector }: ScenarioEnvironment, root: string): Promise<Verdict> {
  const facts = await inspector.path(root);
  if (facts.type !== 'directory') return { passed: false, text: facts.problem ?? `it is a ${facts.type}` };
  return facts.writable ? { passed: true, text: 'yes' } : { passed: false, text: 'the engine may not write there' };
}

async function script({ host, scripts }: ScenarioEnvironment, copy: RehearsedCopy): Promise<Verdict> {
  const variables = {
    MAINSTAY_SCENARIO: copy.scenario,
    MAINSTAY_HOST: host.name,
    MAINSTAY_SEQUENCE: String(copy.seq),
    MAINSTAY_ROOTS: JSON.stringify(copy.roots),
    ...Object.fromEntries(copy.roots.map((root, index) => [`MAINSTAY_ROOT_${index + 1}`, root])),
  };
  const { exitCode, timedOut, output } = await scripts.run(copy.script, variables, copy.limitMs);
  if (timedOut) return { passed: false, text: 'it was ended at its time limit', output };
  const text = exitCode === undefined ? 'it was ended by a signal' : `exit code ${exitCode}`;
  return { passed: exitCode === 0, text, output };
}
