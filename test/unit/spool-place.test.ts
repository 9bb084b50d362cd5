import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { removeSpools, SpoolPlaces } from '../../daemon/store/spool-place.ts';
import type { Fault } from '../../shared/faults.ts';

const NAME = `${'ab'.repeat(16)}.master.0123456789abcdef`;
/** Another volume than the temporary directory; where there is none, copying is not seen. */
const OTHER_VOLUME = '/dev/shm';

function temporary(t: ExecutionContext, below = tmpdir()): string {
  const top = realpathSync(mkdtempSync(join(below, 'mainstay-spool-')));
  t.teardown(() => rmSync(top, { recursive: true, force: true }));
  return top;
}

function isOtherVolume(path: string): boolean {
  return existsSync(OTHER_VOLUME) && statSync(OTHER_VOLUME).dev !== statSync(path).dev;
}

const CONTENT: Readonly<Record<string, string>> = {
  'master.sqlite': 'index and intents',
  'master.sqlite-wal': 'the newest of them',
  'received/1.log': 'x'.repeat(100_000),
};

function fill(place: string): void {
  mkdirSync(join(place, 'received'));
  for (const [name, text] of Object.entries(CONTENT)) writeFileSync(join(place, name), text);
}

function held(place: string): Record<string, string> {
  return Object.fromEntries(Object.keys(CONTENT).map((name) => [name, readFileSync(join(place, name), 'utf8')]));
}

interface Bench {
  readonly state: string;
  readonly from: string;
  readonly to: string;
}

/** A filled spool at `from`. */
async function filled(t: ExecutionContext, toBelow?: string): Promise<Bench> {
  const top = temporary(t);
  const state = join(top, 'state');
  mkdirSync(state);
  const to = join(toBelow === undefined ? top : temporary(t, toBelow), 'deep', 'new');
  const from = join(top, 'old');
  fill((await new SpoolPlaces(state, 'master', []).settle({ directory: from, name: NAME })).path);
  return { state, from, to };
}

async function faultOf(t: ExecutionContext, work: Promise<unknown>): Promise<Fault> {
  return (await t.throwsAsync(work)) as Fault;
}

for (const [volume, below] of [
  ['the same volume', undefined],
  ['another volume', OTHER_VOLUME],
] as const) {
  test(`a spool moved to ${volume} holds everything, whichever step it dies at`, async (t) => {
    if (below !== undefined && !isOtherVolume(tmpdir())) {
      t.log('there is no other volume here');
      t.pass();
      return;
    }
    let steps = 0;
    for (let killedAt = 0; ; killedAt += 1) {
      const { state, from, to } = await filled(t, below);
      let step = 0;
      const before = (name: string): void => {
        step += 1;
        if (step === killedAt) throw new Error(`killed before ${name}`);
      };
      const place = { directory: to, name: NAME };
      const first = new SpoolPlaces(state, 'master', [], { before }).settle(place);
      if (killedAt === 0) {
        t.deepEqual((await first).moved, { from: join(from, NAME), to: join(to, NAME) });
        steps = step;
      } else {
        await t.throwsAsync(first);
        const again = await new SpoolPlaces(state, 'master', []).settle(place);
        t.is(again.lost, undefined);
        t.is(again.path, join(to, NAME));
      }
      t.deepEqual(held(join(to, NAME)), CONTENT, `killed before step ${killedAt}`);
      t.deepEqual(readdirSync(from), [], 'nothing is left at the old place');
      t.is((await new SpoolPlaces(state, 'master', []).settle(place)).moved, undefined);
      if (killedAt > steps - 1 && killedAt > 0) break;
    }
    t.true(steps >= 3);
  });
}

test('a spool killed in the middle of a move goes back to where it was when the operator changes his mind', async (t) => {
  if (!isOtherVolume(tmpdir())) {
    t.pass();
    return;
  }
  const { state, from, to } = await filled(t, OTHER_VOLUME);
  const before = (step: string): void => {
    if (step === 'mark') throw new Error('killed');
  };
  await t.throwsAsync(new SpoolPlaces(state, 'master', [], { before }).settle({ directory: to, name: NAME }));
  const back = await new SpoolPlaces(state, 'master', []).settle({ directory: from, name: NAME });
  t.deepEqual(back, { path: join(from, NAME) });
  t.deepEqual(held(back.path), CONTENT);
});

test('a spool whose volume is not mounted is waited for, and given up only when the operator runs the scenario', async (t) => {
  const { state, from, to } = await filled(t);
  renameSync(from, `${from}.unmounted`);
  mkdirSync(from);
  const place = { directory: from, name: NAME };
  const missing = await faultOf(t, new SpoolPlaces(state, 'master', []).settle(place));
  t.is(missing.code, 'SPOOL-MISSING');
  t.is(missing.details.path, join(from, NAME));
  t.deepEqual(readdirSync(from), [], 'no empty one was put there');
  t.is(
    (await faultOf(t, new SpoolPlaces(state, 'master', []).settle({ directory: to, name: NAME }))).code,
    'SPOOL-MISSING',
  );

  rmSync(from, { recursive: true });
  renameSync(`${from}.unmounted`, from);
  t.deepEqual(held((await new SpoolPlaces(state, 'master', []).settle(place)).path), CONTENT);

  rmSync(from, { recursive: true });
  const anew = await new SpoolPlaces(state, 'master', []).settle({ ...place, adopt: true });
  t.deepEqual(anew, { path: join(from, NAME), lost: join(from, NAME) });
  t.deepEqual(await new SpoolPlaces(state, 'master', []).settle(place), { path: join(from, NAME) });
});

test('another spool of that name is not taken for the one that is missing', async (t) => {
  const { state, from } = await filled(t);
  const other = await filled(t);
  rmSync(join(from, NAME), { recursive: true });
  renameSync(join(other.from, NAME), join(from, NAME));
  const fault = await faultOf(t, new SpoolPlaces(state, 'master', []).settle({ directory: from, name: NAME }));
  t.is(fault.code, 'SPOOL-MISSING');
});

test('a directory that cannot be one is refused with the reason, and the spool stays where it is', async (t) => {
  const { state, from } = await filled(t);
  const top = temporary(t);
  writeFileSync(join(top, 'file'), 'x');
  mkdirSync(join(top, 'root', 'inner'), { recursive: true });
  symlinkSync(join(top, 'root', 'inner'), join(top, 'link'));
  symlinkSync(join(top, 'nowhere'), join(top, 'dangling'));
  const cases: [string, RegExp][] = [
    [join(top, 'file'), /EEXIST|ENOTDIR/],
    [join(top, 'file', 'below'), /EEXIST|ENOTDIR/],
    [join(top, 'dangling'), /EEXIST|ENOENT/],
    [join(top, 'root', 'spool'), /lies in the root/],
    [join(top, 'link'), /lies in the root/],
    ['D:\\spool', /not an absolute path/],
    ['/proc/spool', /ENOENT|EACCES|EPERM/],
  ];
  for (const [directory, why] of cases) {
    const work = new SpoolPlaces(state, 'master', [join(top, 'root')]).settle({ directory, name: NAME });
    const fault = await faultOf(t, work);
    t.is(fault.code, 'SPOOL-UNUSABLE', directory);
    t.regex(String(fault.details.reason), why);
  }
  t.deepEqual(held(join(from, NAME)), CONTENT);
});

test('what somebody planted under the name of a spool is never written through', async (t) => {
  const top = temporary(t);
  const victim = join(top, 'victim');
  const spools = join(top, 'spools');
  for (const directory of [victim, spools, join(top, 'state')]) mkdirSync(directory);
  writeFileSync(join(victim, 'precious'), 'x');
  symlinkSync(victim, join(spools, NAME));
  const { path } = await new SpoolPlaces(join(top, 'state'), 'master', []).settle({ directory: spools, name: NAME });
  t.true(statSync(path).isDirectory());
  t.deepEqual(readdirSync(victim), ['precious']);
});

test('Master and Replica of one machine share a directory, and a removed scenario leaves nothing in it', async (t) => {
  const top = temporary(t);
  const spools = join(top, 'spools');
  mkdirSync(join(top, 'state'));
  const names = ['master', 'replica'] as const;
  for (const role of names) {
    await new SpoolPlaces(join(top, 'state'), role, []).settle({ directory: spools, name: `id.${role}.host` });
  }
  t.deepEqual(readdirSync(spools), ['id.master.host', 'id.replica.host']);
  removeSpools(join(top, 'state'));
  t.deepEqual(readdirSync(spools), []);
});
