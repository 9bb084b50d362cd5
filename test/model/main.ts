/**
 * `npm run model [-- --small]`: searches every state of two hosts and a witness that decide with the real reducers
 * (PROTOCOL.md, "Invariants"), then spoils the reducers in one place each and looks whether it is found. The last line of stdout
 * counts. Exit 0: nothing violated and every mutant found, 1: not.
 */
import { parseArguments } from '../runner/arguments.ts';
import { MUTANTS } from './mutants.ts';
import { RULES } from './rules.ts';
import { search } from './search.ts';
import { Model } from './world.ts';
import { LARGE, SMALL } from './worlds.ts';

const USAGE = `
usage: npm run model [-- --small] [-- --states N]

Searches all states of two hosts and a witness. Exit 0: no invariant violated and every mutant found, 1: not, 2: wrong arguments.

  --small      only the small worlds (seconds)
  --states N   at most so many states of one world (default 8000000)
  --help       this text
`;

const { values } = parseArguments(USAGE, {
  options: { small: { type: 'boolean' }, states: { type: 'string', default: '8000000' } },
});
const most = Number(values.states);
let states = 0;
let transitions = 0;
let violations = 0;
for (const [name, limits] of Object.entries({ ...SMALL, ...(values.small ? {} : LARGE) })) {
  const startedAt = performance.now();
  const found = search(new Model(limits, RULES), most);
  states += found.states;
  transitions += found.transitions;
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  const extent = found.complete ? 'all' : 'the first';
  process.stdout.write(
    `${name}: ${extent} ${found.states} states, ${found.transitions} transitions, depth ${found.depth} (${seconds} s)\n`,
  );
  if (found.violation === undefined) continue;
  violations += 1;
  process.stdout.write(`  ! ${found.violation.what}\n`);
  for (const one of found.violation.path) process.stdout.write(`    ${one}\n`);
}
let killed = 0;
for (const { name, world, rules } of MUTANTS) {
  const { violation, states: searched } = search(new Model(SMALL[world], { ...RULES, ...rules }), most);
  if (violation !== undefined) killed += 1;
  process.stdout.write(
    `mutant "${name}" in "${world}": ${violation === undefined ? `NOT FOUND in ${searched} states` : `${violation.what} after ${violation.path.length} events`}\n`,
  );
}
process.stdout.write(
  `${states} states, ${transitions} transitions, ${violations} violations, mutants killed ${killed}/${MUTANTS.length}\n`,
);
process.exitCode = violations === 0 && killed === MUTANTS.length ? 0 : 1;
