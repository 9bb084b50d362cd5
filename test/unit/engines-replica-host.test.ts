/** What a Replica's host may do to its engine: run out of handles, lose power in between. Nothing is given up for it. */
import test from 'ava';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { Fault, type FaultCode } from '../../shared/faults.ts';
import { SeededRandom } from '../memory/clock.ts';
import { EnginePair } from '../memory/engine-pair.ts';

const hasher = await createContentHasher();

function protectedPair(seed = 1): EnginePair {
  const pair = new EnginePair(hasher, { seed, cutOrder: 'any' });
  pair.user.writeFile('file', 'before');
  pair.user.makeDirectory('directory');
  pair.user.writeFile('directory/inner', 'inner');
  pair.start();
  pair.synchronize();
  pair.barrier();
  pair.run(3_000);
  return pair;
}

const HOLDING: readonly [FaultCode, string][] = [
  ['FS-LIMIT', 'no handles or memory left'],
  ['FS-FULL', 'no space'],
  ['FS-READ-ONLY', 'a volume that became read-only'],
];

for (const [code, what] of HOLDING) {
  test(`${what}: apply waits, whatever it met first, and sets nothing aside`, (t) => {
    for (const operation of ['metadata', 'stage', 'make', 'keep', 'rename'] as const) {
      const pair = protectedPair();
      let failures = 0;
      pair.replicaTree.beforeOperation = (now, path) => {
        if (now !== operation) return;
        failures += 1;
        throw new Fault(code, { path });
      };
      pair.user.rename('directory', 'renamed');
      pair.user.remove('file');
      pair.user.makeDirectory('new');
      pair.user.writeFile('new/file', 'content');
      pair.user.setMode('', 0o700);
      pair.run(5_000);
      t.true(failures > 0, operation);
      t.true(pair.codes('replica').includes('APL-002'), operation);
      pair.replicaTree.beforeOperation = () => {};
      pair.barrier();
      t.deepEqual([...pair.replicaView()], [...pair.masterView()]);
      t.false(pair.codes('replica').includes('APL-001'), operation);
      t.deepEqual(pair.failures, []);
      pair.close();
    }
  });
}

const GIVEN_UP: readonly [string, (pair: EnginePair) => void, (pair: EnginePair) => void][] = [
  ['removed', ({ user }) => user.remove('file'), ({ user }) => user.writeFile('file', 'another object')],
  ['renamed', ({ user }) => user.rename('directory', 'away'), ({ user }) => user.makeDirectory('directory')],
];

for (const [how, giveUp, takeAgain] of GIVEN_UP) {
  test(`a name that was ${how} and taken again is told apart after a power cut, whatever of both was durable`, (t) => {
    for (let seed = 1; seed <= 30; seed += 1) {
      const pair = protectedPair(seed);
      giveUp(pair);
      pair.run(100);
      takeAgain(pair);
      pair.run(100);
      pair.cutReplicaPower(new SeededRandom(seed));
      pair.startReplica();
      // Otherwise everything would have to be compared.
      t.false(pair.codes('replica').includes('SYN-006'), `seed ${seed}`);
      pair.connect();
      pair.barrier();
      t.deepEqual([...pair.replicaView()], [...pair.masterView()], `seed ${seed}`);
      pair.close();
    }
  });
}
