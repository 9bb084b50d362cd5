/** P12: how long nobody answers clients while an operator moves them to the other host, beside keepalived on the same machines. */
import { MainstayPair } from './failover.ts';
import { KeepalivedPair } from './keepalived.ts';
import { makeRow, median, type Row } from './measure.ts';
import type { BenchContext } from './place.ts';

/** keepalived's default. */
const ADVERT_SECONDS = 1;

export async function failoverRows(context: BenchContext): Promise<Row[]> {
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
  return [
    makeRow(
      {
        id: 'P12',
        work: 'planned switchover, longest gap of a client of the moved address',
        unit: 'ms',
        peerName,
        note,
      },
      { ours: median(ours), peer: median(peer) },
      { required: 1, goal: 1 },
    ),
  ];
}
