/** Random histories of a root: whatever is done, and whatever happens to the notifications, the Replica ends up equal. */
import test from 'ava';
import fc from 'fast-check';
import type { CaptureHint } from '../../daemon/ports.ts';
import { PROPERTY_SEEDS } from '../runner/property-settings.ts';
import { CaptureWorld } from './capture-world.ts';

const NAMES = ['a', 'b', 'c', 'd'];
const path = fc.array(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 3 }).map((names) => names.join('/'));
const content = fc.oneof(fc.string({ maxLength: 20 }), fc.constant('x'.repeat(300_000)));

const ENGINE_STEP = Symbol('something the engine does, not the users');

interface Step {
  readonly [ENGINE_STEP]?: true;
  readonly run: (world: CaptureWorld) => void;
  readonly [fc.toStringMethod]: () => string;
}

function step(label: string, run: Step['run']): Step {
  return { run, [fc.toStringMethod]: () => label };
}

function engineStep(label: string, run: Step['run']): Step {
  return { ...step(label, run), [ENGINE_STEP]: true };
}

const operation: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(path, content).map(named('write', writeFile)) },
  { weight: 1, arbitrary: fc.tuple(path, content).map(named('writeOpen', writeOpen)) },
  { weight: 1, arbitrary: fc.tuple(path).map(named('writeMapped', writeMapped)) },
  { weight: 3, arbitrary: fc.tuple(path).map(named('mkdir', (w, p) => w.user.makeDirectory(p))) },
  { weight: 6, arbitrary: fc.tuple(path, path).map(named('rename', (w, p, q) => w.user.rename(p, q))) },
  { weight: 3, arbitrary: fc.tuple(path).map(named('remove', (w, p) => w.user.remove(p))) },
  { weight: 1, arbitrary: fc.tuple(path, path).map(named('symlink', (w, p, q) => w.user.makeSymlink(p, q))) },
  { weight: 2, arbitrary: fc.tuple(path, path).map(named('link', linkFile)) },
  { weight: 1, arbitrary: fc.tuple(path).map(named('chmod', changeMode)) },
  { weight: 1, arbitrary: fc.tuple(path).map(named('pipe', (w, p) => w.user.makePipe(p))) },
  { weight: 1, arbitrary: fc.tuple(path).map(named('moveIn', (w, p) => w.user.moveIn(p, buildTree))) },
  { weight: 2, arbitrary: fc.nat(60).map((ms) => engineStep(`wait ${ms}`, (w) => w.advance(ms))) },
  { weight: 2, arbitrary: fc.constant(engineStep('look', (w) => void w.step())) },
  { weight: 2, arbitrary: fc.constant(engineStep('send', (w) => w.send())) },
  { weight: 1, arbitrary: fc.constant(engineStep('settle', (w) => w.settle())) },
);

function named<Args extends readonly string[]>(
  name: string,
  run: (world: CaptureWorld, ...args: Args) => void,
): (args: Args) => Step {
  return (args) =>
    step(`${name} ${args.map((arg) => arg.slice(0, 20)).join(' ')}`, (world) => {
      try {
        run(world, ...args);
      } catch {
        // Not possible in this state of the tree: nothing happened.
      }
    });
}

/** Worlds in which users act while the engine is at work. */
const working = new WeakSet<CaptureWorld>();

function knowNames(world: CaptureWorld, path: string): void {
  const before = world.master.beforeOperation;
  world.master.beforeOperation = () => {};
  const links = world.master.stat(path)?.links ?? 1;
  world.master.beforeOperation = before;
  if (links === 1) return;
  if (working.has(world)) throw new Error('not now');
  world.settle();
}

/**
 * What is written through a name that appeared and went between two looks cannot be known (fanotify and inotify name the
 * name): the comparison of a later scan finds it. Here every name of the file is known before it is written.
 */
function writeFile(world: CaptureWorld, path: string, content: string): void {
  knowNames(world, path);
  world.user.writeFile(path, content);
}

function writeOpen(world: CaptureWorld, path: string, content: string): void {
  knowNames(world, path);
  world.user.writeOpen(path, content);
}

function writeMapped(world: CaptureWorld, path: string): void {
  knowNames(world, path);
  const before = world.user.readFile(path);
  world.user.writeMapped(
    path,
    before.map((byte) => (byte + 1) % 256),
  );
}

function changeMode(world: CaptureWorld, path: string): void {
  knowNames(world, path);
  world.user.setMode(path, 0o640);
}

function linkFile(world: CaptureWorld, existing: string, to: string): void {
  const before = world.master.beforeOperation;
  world.master.beforeOperation = () => {};
  const type = world.master.stat(existing)?.type;
  world.master.beforeOperation = before;
  if (type === 'file' || type === 'symlink') world.user.link(existing, to);
}

function buildTree(elsewhere: CaptureWorld['user']): void {
  elsewhere.writeFile('a', 'moved in');
  elsewhere.makeDirectory('b');
  elsewhere.writeFile('b/c', 'deep');
}

const history = fc.array(operation, { minLength: 1, maxLength: 40 });

/** Most operations of a history are possible from here. */
function populate({ user }: CaptureWorld): void {
  for (const name of ['a', 'b', 'c']) {
    user.makeDirectory(name);
    user.writeFile(`${name}/d`, `file of ${name}`);
    for (const below of ['a', 'b']) {
      user.makeDirectory(`${name}/${below}`);
      user.writeFile(`${name}/${below}/c`, `deep in ${name}/${below}`);
    }
  }
  user.writeFile('d', 'top');
  user.link('a/d', 'b/c');
  user.link('a/d', 'c/c');
}

function cutAtLink(steps: readonly Step[]): [readonly Step[], readonly Step[]] {
  const at = steps.findIndex((one) => one[fc.toStringMethod]().startsWith('link'));
  return at < 0 ? [steps, []] : [steps.slice(0, at), steps.slice(at)];
}

function replay(world: CaptureWorld, steps: readonly Step[]): void {
  for (const { run } of steps) run(world);
}

/** Throws with both views when they differ. */
function expectEqual(world: CaptureWorld): void {
  const master = world.masterView();
  const replica = world.replicaView();
  const differences: string[] = [];
  for (const [name, line] of master) {
    // A pipe is not replicated.
    if (line.startsWith('other')) continue;
    if (replica.get(name) !== line)
      differences.push(`${name}: ${line.slice(0, 90)} <> ${replica.get(name)?.slice(0, 90)}`);
  }
  for (const name of replica.keys()) if (!master.has(name)) differences.push(`${name}: extra`);
  if (differences.length > 0)
    throw new Error(`${differences.join('\n')}\nsent: ${world.applier.log.slice(-30).join(', ')}`);
  if (world.faults.length > 0) throw world.faults[0];
}

/** Shared out among the seeds. */
const RUNS = 600;

function holds<T>(property: fc.IProperty<T>): void {
  for (const seed of PROPERTY_SEEDS) {
    fc.assert(property, { seed, numRuns: RUNS / PROPERTY_SEEDS.length, includeErrorInReport: true });
  }
}

test('any history with all its notifications', (t) => {
  holds(
    fc.property(history, (steps) => {
      const world = new CaptureWorld();
      populate(world);
      world.settle();
      replay(world, steps);
      world.settle();
      expectEqual(world);
    }),
  );
  t.pass();
});

test('any history with a file filter: files come and go as their names begin or cease to match', (t) => {
  holds(
    fc.property(history, (steps) => {
      const world = new CaptureWorld({ fileFilter: ['a', 'b', 'd'] });
      populate(world);
      for (const path of ['b/c', 'c/c']) world.user.remove(path);
      world.settle();
      const [beforeLink, link] = cutAtLink(steps);
      replay(world, beforeLink);
      world.settle();
      expectEqual(world);
      // What is done through a name that does not match and is gone at once shows under the others at the next scan.
      replay(
        world,
        link.filter((one) => !one[fc.toStringMethod]().startsWith('writeMapped')),
      );
      world.capture.overflow(0);
      world.settle();
      expectEqual(world);
      if ([...world.replicaView()].some(([name, line]) => /(^|\/)c$/.test(name) && line.startsWith('file'))) {
        throw new Error('a file that does not match was replicated');
      }
    }),
  );
  t.pass();
});

test('any history with notifications doubled, delayed and out of order', (t) => {
  holds(
    fc.property(history, fc.infiniteStream(fc.nat(99)), (steps, dice) => {
      const roll = () => dice.next().value as number;
      const world = new CaptureWorld({ delayMs: () => roll() % 20 });
      populate(world);
      world.settle();
      let kept: CaptureHint[] = [];
      world.disturb = (hints) => {
        const out: CaptureHint[] = [...kept.splice(0)];
        for (const hint of hints) {
          if (roll() < 20) out.push(hint);
          // Only what names no rename may come late: the order of renames is the kernel's.
          if (roll() < 20 && hint.kind === 'dirty') kept.push(hint);
          else out.push(hint);
        }
        return out;
      };
      replay(world, steps);
      world.advance(30);
      world.disturb = (hints) => [...kept.splice(0), ...hints];
      world.capture.emit({ kind: 'dirty', root: 0, path: 'a', closed: false });
      world.settle();
      kept = [];
      expectEqual(world);
    }),
  );
  t.pass();
});

test('any history with notifications lost, then a signalled overflow', (t) => {
  holds(
    fc.property(history, fc.infiniteStream(fc.nat(99)), (steps, dice) => {
      const roll = () => dice.next().value as number;
      const world = new CaptureWorld();
      populate(world);
      world.settle();
      world.disturb = (hints) => hints.filter(() => roll() < 60);
      // Of what is written through a memory map the lost notification was the only trace.
      replay(
        world,
        steps.filter((one) => !one[fc.toStringMethod]().startsWith('writeMapped')),
      );
      world.disturb = (hints) => hints;
      world.capture.overflow(0);
      world.settle();
      expectEqual(world);
    }),
  );
  t.pass();
});

test('any history that goes on while the engine is looking and reading', (t) => {
  holds(
    fc.property(history, fc.infiniteStream(fc.nat(99)), (steps, dice) => {
      const roll = () => dice.next().value as number;
      const world = new CaptureWorld({ delayMs: () => roll() % 5 });
      populate(world);
      world.settle();
      const left = steps.filter((one) => one[ENGINE_STEP] !== true);
      let busy = false;
      working.add(world);
      world.master.beforeOperation = () => {
        if (busy || left.length === 0 || roll() >= 25) return;
        busy = true;
        left.shift()!.run(world);
        busy = false;
      };
      for (let round = 0; round < 400 && left.length > 0; round += 1) {
        world.advance(roll() % 3);
        if (!busy && roll() < 30) left.shift()?.run(world);
        world.step();
        if (roll() < 50) world.send();
      }
      world.master.beforeOperation = () => {};
      world.settle();
      expectEqual(world);
    }),
  );
  t.pass();
});
