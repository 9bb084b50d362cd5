/** The choice for one file: what the old active host had is used again, and what users have of it now is never lost for it. */
import test, { type ExecutionContext } from 'ava';
import type { TailEntry } from '../../daemon/engine/master-tail.ts';
import { QuarantineDesk, type QuarantineSurroundings } from '../../daemon/quarantine/desk.ts';
import { QuarantineKeeper } from '../../daemon/quarantine/keeper.ts';
import { Fault } from '../../shared/faults.ts';
import type { ScenarioDocument } from '../../shared/scenario.ts';
import { SimulatedClock } from '../memory/clock.ts';
import { MemoryQuarantineFiles } from '../memory/quarantine-files.ts';
import { MemoryTree } from '../memory/tree.ts';
import { MemoryUser } from '../memory/user.ts';
import { MemoryVolume } from '../memory/volume.ts';

const SCENARIO = 'a'.repeat(32);
const HEAD = { scenario: 'web', host: 'alpha', at: 1_000_000, epoch: 2, generation: 'g', after: 3, through: 9 };

async function* pages(...paths: string[]): AsyncGenerator<readonly TailEntry[], void> {
  yield paths.map((path) => ({ root: 0, path, kind: 'put', type: 'file', sizeBytes: 0 }) as const);
}

function host() {
  const clock = new SimulatedClock();
  const files = new MemoryQuarantineFiles(new MemoryVolume(clock));
  const tree = new MemoryTree({ volume: new MemoryVolume(clock), path: '/data' });
  return { files, tree, user: new MemoryUser(tree), keeper: new QuarantineKeeper({ files, openTree: () => tree }) };
}

/** alpha was active and kept something; beta is active now. */
async function world(
  fill: (user: MemoryUser) => void,
  paths: readonly string[],
  around: Partial<QuarantineSurroundings> = {},
) {
  const alpha = host();
  fill(alpha.user);
  const { id } = await alpha.keeper.keep(SCENARIO, HEAD, pages(...paths), ['/data']);
  const beta = host();
  const told: { readonly kept: string | undefined }[] = [];
  const document = { id: SCENARIO, name: 'web', roots: [{ master: '/data' }] } as unknown as ScenarioDocument;
  const desk = new QuarantineDesk(beta.keeper, {
    scenarios: () => [{ document, roots: ['/data'] }],
    openTree: () => beta.tree,
    self: 'beta',
    otherHost: () => 'alpha',
    askOther: (_id, places) => Promise.resolve(places.map(() => undefined)),
    rest: () => Promise.resolve(),
    isActive: () => true,
    readOther: (scenarioId, wanted, place, position) => alpha.keeper.piece(scenarioId, wanted, place, position),
    moment: () => ({ at: 2_000_000, epoch: 3 }),
    putBack: (_scenario, { kept }) => told.push({ kept }),
    ...around,
  });
  const putBack = async (path: string, from = id) =>
    (await desk.handlers()['scenario.quarantineReturn']?.({ name: 'web', id: from, root: 0, path }, {} as never)) as {
      readonly kept?: string;
    };
  return { alpha, beta, id, told, putBack };
}

async function refusalOf(t: ExecutionContext, work: Promise<unknown>): Promise<string> {
  return ((await t.throwsAsync(work)) as Fault).code;
}

test('a file is as the old host had it, content, mode and time; what users had of it is kept and can be put back too', async (t) => {
  const { beta, id, told, putBack } = await world(
    (user) => {
      user.writeFile('page', 'of alpha');
      user.setMode('page', 0o640);
      user.setMtimeNs('page', 1_600_000_000_000_000_000n);
    },
    ['page'],
  );
  beta.user.writeFile('page', 'of beta');
  const { kept } = await putBack('page');
  t.is(Buffer.from(beta.user.readFile('page')).toString(), 'of alpha');
  t.like(beta.tree.stat('page'), { mode: 0o640, mtimeNs: 1_600_000_000_000_000_000n });
  t.deepEqual(told, [{ kept }]);
  t.not(kept, id);
  await putBack('page', kept);
  t.is(Buffer.from(beta.user.readFile('page')).toString(), 'of beta', 'the choice was taken back');
});

test('a file that nobody has any more comes with the directories above it, a link as a link', async (t) => {
  const { beta, putBack } = await world(
    (user) => {
      user.makeDirectory('a');
      user.makeDirectory('a/b');
      user.writeFile('a/b/page', 'x');
      user.makeSymlink('link', '../elsewhere');
    },
    ['a/b/page', 'link'],
  );
  t.deepEqual(await putBack('a/b/page'), { host: 'beta' } as object);
  t.is(Buffer.from(beta.user.readFile('a/b/page')).toString(), 'x');
  await putBack('link');
  t.is(beta.tree.readLink('link'), '../elsewhere');
});

test('a large file comes in pieces from the other host, byte exact', async (t) => {
  const content = new Uint8Array(700_001).map((_, at) => (at * 7919) % 251);
  let pieces = 0;
  const made = await world((user) => user.writeFile('large', content), ['large'], {});
  const { alpha, id } = made;
  const counted = await world(() => {}, [], {
    readOther: (scenario, _id, place, position) => {
      pieces += 1;
      return alpha.keeper.piece(scenario, id, place, position);
    },
  });
  await counted.putBack('large');
  t.is(pieces, 3);
  t.deepEqual(new Uint8Array(counted.beta.user.readFile('large')), content);
});

test('damaged content, a host that ends in the middle and a full disk leave everything as it is', async (t) => {
  const big = new Uint8Array(300_000).fill(5);
  const fill = (user: MemoryUser) => user.writeFile('page', big);
  const first = await world(fill, ['page']);
  const broken: QuarantineSurroundings['readOther'] = async (scenario, _id, place, position) => {
    const piece = await first.alpha.keeper.piece(scenario, first.id, place, position);
    return { ...piece, bytes: Buffer.from(piece.bytes).fill(6) };
  };
  const gone: QuarantineSurroundings['readOther'] = (scenario, _id, place, position) =>
    position > 0
      ? Promise.reject(new Fault('LINK-UNREACHABLE', { host: 'alpha', reason: 'gone' }))
      : first.alpha.keeper.piece(scenario, first.id, place, position);
  for (const [readOther, code] of [
    [broken, 'QUARANTINE-DAMAGED'],
    [gone, 'LINK-UNREACHABLE'],
  ] as const) {
    const { beta, putBack } = await world(fill, ['page'], { readOther });
    beta.user.writeFile('page', 'of beta');
    t.is(await refusalOf(t, putBack('page')), code);
    t.is(Buffer.from(beta.user.readFile('page')).toString(), 'of beta');
    t.deepEqual(await beta.keeper.scenarios(), []);
  }
  const { beta, putBack } = await world(fill, ['page']);
  beta.user.writeFile('page', 'of beta');
  beta.files.freeBytes = () => 0;
  t.is(await refusalOf(t, putBack('page')), 'FS-FULL');
  t.is(Buffer.from(beta.user.readFile('page')).toString(), 'of beta');
});

test('a user who writes while it is being kept loses nothing: the newer content is kept', async (t) => {
  const { beta, putBack } = await world((user) => user.writeFile('page', 'of alpha'), ['page']);
  beta.user.writeFile('page', 'first');
  let writes = 0;
  beta.files.beforeOperation = (operation) => {
    if (operation !== 'rename' || writes > 0) return;
    writes += 1;
    beta.user.writeFile('page', 'second, written meanwhile');
  };
  const { kept } = await putBack('page');
  const { content } = await beta.keeper.look(SCENARIO, kept ?? '', { root: 0, path: 'page' }, 1_000);
  t.is(Buffer.from(content ?? []).toString(), 'second, written meanwhile');
  t.is((await beta.keeper.list(SCENARIO)).length, 1, 'the older one is not left behind');
});

test('ended at any step: users have the old or the new file, whole, and the old one is never gone', async (t) => {
  let steps = 0;
  for (let at = 1; ; at += 1) {
    const { beta, putBack } = await world((user) => user.writeFile('page', 'of alpha'), ['page']);
    beta.user.writeFile('page', 'of beta');
    let left = at;
    beta.files.beforeOperation = () => {
      left -= 1;
      if (left <= 0) throw new Fault('FS-IO', { path: 'killed', reason: 'test' });
    };
    const done = await putBack('page').then(
      () => true,
      () => false,
    );
    beta.files.beforeOperation = () => {};
    const now = Buffer.from(beta.user.readFile('page')).toString();
    if (now !== 'of beta') {
      t.is(now, 'of alpha');
      const [head] = await beta.keeper.list(SCENARIO);
      const { content } = await beta.keeper.look(SCENARIO, head?.id ?? '', { root: 0, path: 'page' }, 1_000);
      t.is(Buffer.from(content ?? []).toString(), 'of beta');
    }
    steps = at;
    if (done) break;
  }
  t.true(steps > 8, `${steps} steps`);
});

test('what was gone, directories, mixtures, other hosts and places outside are refused with the reason', async (t) => {
  const fill = (user: MemoryUser) => {
    user.writeFile('page', 'x');
    user.makeDirectory('directory');
  };
  const { beta, putBack } = await world(fill, ['page', 'gone', 'directory']);
  const gone = await t.throwsAsync(putBack('gone'));
  t.regex(gone?.message ?? '', /gone there/);
  t.regex((await t.throwsAsync(putBack('directory')))?.message ?? '', /only files and links/);
  t.is(await refusalOf(t, putBack('../etc/passwd')), 'PATH-ESCAPE');
  t.is(await refusalOf(t, putBack('never kept')), 'FS-NOT-FOUND');
  beta.user.makeDirectory('page');
  t.is(await refusalOf(t, putBack('page')), 'FS-EXISTS');
  const standby = await world(fill, ['page'], { isActive: () => false });
  t.regex((await t.throwsAsync(standby.putBack('page')))?.message ?? '', /not active/);
});
