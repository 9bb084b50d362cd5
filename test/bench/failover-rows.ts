/** P11 and P12: how long nobody answers clients that are moved to the other host, beside keepalived on the same machines. */
import { MainstayPair } from './failover.ts';
import { KeepalivedPair } from './keepalived.ts';
import { makeRow, median, type Row } from './measure.ts';
import type { BenchContext } from './place.ts';

/** keepalived's default. */
const ADVERT_SECONDS = 1;

/** Down after three adverts that did not come; ours after as long, with the shortest lease an address can be moved with. */
const DETECTIONS = [
  { id: 'P11', advertSeconds: 1 },
  { id: 'P11-fast', advertSeconds: 0.2 },
] as const;
const SHORTEST_LEASE_MS = 6_000;

export async function failoverRows(context: BenchContext): Promise<Row[]> {
  const rows: Row[] = [];
  if (context.wanted('P11')) for (const detection of DETECTIONS) rows.push(await unplannedRow(context, detection));
  if (context.wanted('P12')) rows.push(await plannedRow(context));
  return rows;
}

async function unplannedRow(context: BenchContext, { id, advertSeconds }: (typeof DETECTIONS)[number]): Promise<Row> {
  const ours: number[] = [];
  const peer: number[] = [];
  const pair = await MainstayPair.start(context.directory, {
    'switchover.leaseMs': SHORTEST_LEASE_MS,
    'isAlive.heartbeatMs': advertSeconds * 1_000,
    'isAlive.timeoutMs': advertSeconds * 3_000,
  });
  try {
    const keepalived = await KeepalivedPair.start(context.directory, advertSeconds);
    try {
      for (let run = 1; run <= context.runs; run += 1) {
        ours.push(await pair.unplanned());
        peer.push(await keepalived.unplanned());
        const told = [ours, peer].map((side) => `${((side.at(-1) ?? 0) / 1_000).toFixed(2)} s`);
        context.say(`${id} ${run}/${context.runs}: ours ${told[0]}, keepalived ${told[1]}`);
      }
    } finally {
      await keepalived.stop();
    }
  } finally {
    await pair.stop();
  }
  const note = `a machine loses its power; lease ${SHORTEST_LEASE_MS / 1_000} s, heartbeat ${advertSeconds} s, down after three; the witness grants after the lease; keepalived has no arbiter, so both could be active`;
  return makeRow(
    {
      id,
      work: 'unplanned failover, longest gap of a client of the moved address',
      unit: 's',
      peerName: `keepalived, adverts ${advertSeconds} s`,
      note,
    },
    { ours: median(ours) / 1_000, peer: median(peer) / 1_000 },
    { required: 1, goal: 1 },
  );
}

async function plannedRow(context: BenchContext): Promise<Row> {
  const ours: number[] = [];
  const peer: number[] = [];
  const pair = await MainstayPair.start(context.directory);
  let written = { acknowledged: 0, lost: 0 };
  try {
    const keepalived = await KeepalivedPair.start(context.directory, ADVERT_SECONDS);
    try {
      for (let run = 1; run <= context.runs; run += 1) {
        ours.push(await pair.planned());
        peer.push(await keepalived.planned());
        const told = [ours, peer].map((side) => `${side.at(-1)?.toFixed(0)} ms`);
        context.say(`planned ${run}/${context.runs}: ours ${told[0]}, keepalived ${told[1]}`);
      }
    } finally {
      await keepalived.stop();
    }
    written = await pair.lostWrites();
  } finally {
    await pair.stop();
  }
  if (written.lost > 0) throw new Error(`${written.lost} of ${written.acknowledged} acknowledged writes are lost`);
  const peerName = `keepalived priority, adverts ${ADVERT_SECONDS} s`;
  const note = `there and back, the longer gap of each; ${written.acknowledged} writes acknowledged meanwhile, none lost; also required: 300 ms; keepalived moves no data`;
  return makeRow(
    {
      id: 'P12',
      work: 'planned switchover, longest gap of a client of the moved address',
      unit: 'ms',
      peerName,
      note,
    },
    { ours: median(ours), peer: median(peer) },
    { required: 1, goal: 1 },
  );
}
