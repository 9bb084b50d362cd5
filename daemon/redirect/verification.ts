/** Redirection of a scenario looked at on both of its hosts before Run and before a switchover; nothing is changed. */
import { z } from 'zod';
import { Fault } from '../../shared/faults.ts';
import type { Finding } from '../../shared/results.ts';
import type { HostReference, ScenarioDocument } from '../../shared/scenario.ts';
import type { PeerControl } from '../services.ts';
import type { RedirectionDesk } from './desk.ts';
import { redirectFinding } from './model.ts';
import { subjectOf } from './subject.ts';

const PEER_MS = 60_000;

/** The answer of `peer.redirection`; checked because it comes from another host. */
const redirectionSide = z.object({
  findings: z
    .array(
      z.object({
        severity: z.enum(['error', 'warning', 'info']),
        code: z.string().max(100),
        host: z.string().max(255),
        text: z.string().max(10_000),
        fix: z.string().max(10_000),
      }),
    )
    .max(1_000),
  /** Whether clients are led to that host, by what leads them. */
  clients: z.enum(['here', 'elsewhere', 'mixed', 'unknown']),
  /** Every command and record of its part. */
  acquire: z.array(z.string().max(10_000)).max(1_000),
  release: z.array(z.string().max(10_000)).max(1_000),
});
export type RedirectionSide = z.infer<typeof redirectionSide>;

type Preview = Pick<RedirectionDesk, 'findings' | 'describe' | 'readBack'>;

export interface VerifyingHost {
  readonly host: { readonly name: string; readonly deviceId: string };
  readonly peers: Pick<PeerControl, 'request'>;
  readonly redirection: { preview(document: ScenarioDocument): Preview };
}

/** This host's side of a document that may not be in its book. */
export async function redirectionSideOf(
  { redirection }: Pick<VerifyingHost, 'redirection'>,
  document: ScenarioDocument,
): Promise<RedirectionSide> {
  const desk = redirection.preview(document);
  const findings = await desk.findings();
  // A plan that is refused has nothing to be asked.
  if (findings.some(({ code }) => code === 'REDIRECT-PLAN'))
    return { findings, clients: 'unknown', acquire: [], release: [] };
  const { clients } = await desk.readBack();
  return { findings, clients, acquire: desk.describe('acquire'), release: desk.describe('release') };
}

/** Of the other host; throws `LINK-UNREACHABLE` and what it answers. */
async function askSide(
  { peers }: Pick<VerifyingHost, 'peers'>,
  other: HostReference,
  document: ScenarioDocument,
): Promise<RedirectionSide> {
  const answer = await peers.request(other, 'peer.redirection', { document: { ...document } }, PEER_MS);
  const parsed = redirectionSide.safeParse(answer);
  if (parsed.success) return parsed.data;
  throw new Fault('LINK-REFUSED', { reason: 'its answer about redirection is not understood (another version?)' });
}

/** Both sides' findings; a host that cannot be reached at all is an error of verification already. */
export async function redirectionFindings(self: VerifyingHost, document: ScenarioDocument): Promise<Finding[]> {
  const subject = subjectOf(document, self.host.deviceId);
  if (subject === undefined || !mentionsRedirection(document)) return [];
  const other = subject[subject.here === 'master' ? 'replica' : 'master'];
  const [own, theirs] = await Promise.all([
    redirectionSideOf(self, document),
    askSide(self, other, document).catch((error: unknown) => Fault.from(error)),
  ]);
  if (theirs instanceof Fault) {
    if (theirs.code === 'LINK-UNREACHABLE' || theirs.code.startsWith('ACCESS-')) return own.findings;
    const text = `${other.name} could not be asked about redirection: ${theirs.message}`;
    return [...own.findings, redirectFinding(other.name, 'error', 'REDIRECT-PEER', text, theirs.hint)];
  }
  const both = [...own.findings, ...theirs.findings];
  if (own.clients !== 'here' || theirs.clients !== 'here') return both;
  const text = `${self.host.name} and ${other.name} both say that clients are led to them`;
  const fix = 'Two active hosts lose changes: find out which one has the clients, and deactivate the other by hand.';
  return [...both, redirectFinding(self.host.name, 'error', 'REDIRECT-CONFLICT', text, fix)];
}

function mentionsRedirection({ settings, master, replicas }: ScenarioDocument): boolean {
  return [settings, master.settings, ...replicas.map((replica) => replica.settings)].some(
    (values) => values !== undefined && Object.keys(values).some((key) => key.startsWith('redirect.')),
  );
}
