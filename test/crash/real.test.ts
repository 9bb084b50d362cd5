/** The pair over real files: killed in its system calls, and with calls that fail. More of both: `npm run test:crash`. */
import test from 'ava';
import { sweepFaults, sweepKills } from './real-campaign.ts';

const KILLS = 40;
const FAULTS = 200;

test.serial(`${KILLS} processes killed in a system call leave nothing torn, and both roots end equal`, (t) => {
  t.timeout(240_000);
  const { points, problems } = sweepKills(KILLS, 1);
  t.deepEqual(problems, []);
  t.is(points, KILLS);
});

test.serial(
  `${FAULTS} failing and half done system calls are held out or restarted after, without a difference`,
  (t) => {
    t.timeout(240_000);
    const { calls, problems } = sweepFaults(FAULTS, 1, 17);
    t.deepEqual(problems, []);
    t.true(Object.keys(calls).length > 20, Object.keys(calls).join(', '));
  },
);
