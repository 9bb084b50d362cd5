/** A planned switchover in which hosts lose their power at every one of its events, until nothing more happens. */
import test from 'ava';
import { RULES } from '../model/rules.ts';
import { type Limits, Model, NAMES, type Name, type World } from '../model/world.ts';
import { SMALL } from '../model/worlds.ts';

const LIMITS: Limits = { ...SMALL['power cut'], writes: 1, crashes: 2, words: 1 };
/** What goes on by itself, in the order in which it is chosen. */
const BY_ITSELF = [' starts', ' does ', ' hears ', ' receives ', ' copies '];
const MOST_EVENTS = 200;

function choose(model: Model, world: World, wanted: readonly string[]): { what: string; world: World } | undefined {
  const all = model.next(world);
  for (const kind of wanted) {
    const found = all.find(({ what }) => what.includes(kind));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Goes on until nothing is left to do; the worlds passed through, the first one first. */
function settle(model: Model, from: World): World[] {
  const passed = [from];
  for (let world = from; ; ) {
    const next = choose(model, world, BY_ITSELF);
    if (next === undefined) return passed;
    if (passed.length > MOST_EVENTS) throw new Error(`it does not come to rest: ${next.what}`);
    world = next.world;
    passed.push(world);
  }
}

function begun(model: Model): World {
  const rest = settle(model, model.first()).at(-1)!;
  const written = choose(model, rest, ['A writes'])!.world;
  return choose(model, written, ['A is told to hand over'])!.world;
}

function cut(model: Model, world: World, names: readonly Name[]): World {
  let next = world;
  for (const name of names) next = choose(model, next, [`${name} loses its power`])!.world;
  return next;
}

function describe(model: Model, world: World): string {
  const of = (name: Name): string =>
    `${name} ${world.hosts[name].state?.record.role}${model.isOpen(world, name) ? ', open' : ''}${world.hosts[name].state?.record.switchover === undefined ? '' : ', in the middle'}`;
  return NAMES.map(of).join('; ');
}

test('without a crash the other host is active, reachable and nothing is left to do', (t) => {
  const model = new Model(LIMITS, RULES);
  const passed = settle(model, begun(model));
  t.is(describe(model, passed.at(-1)!), 'A standby; B active, open');
});

for (const names of [['A'], ['B'], ['A', 'B']] as const) {
  test(`power cut at every event on ${names.join(' and ')}: exactly one is active and reachable in the end`, (t) => {
    const model = new Model(LIMITS, RULES);
    const passed = settle(model, begun(model));
    t.true(passed.length >= 16, `${passed.length} events`);
    for (const [n, world] of passed.entries()) {
      const end = settle(model, cut(model, world, names)).at(-1)!;
      const ends = ['A standby; B active, open', 'A active, open; B standby'];
      t.true(ends.includes(describe(model, end)), `after event ${n}: ${describe(model, end)}`);
      t.is(end.hosts.A.tree, end.hosts.B.tree);
    }
  });
}
