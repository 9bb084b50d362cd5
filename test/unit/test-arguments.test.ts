/** The long test programs explain themselves, and refuse wrong arguments before they begin. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import test from 'ava';

const PROGRAMS = ['run', 'crash/main', 'bench/main', 'sim/main'];

function run(program: string, ...args: string[]) {
  const file = fileURLToPath(new URL(`../${program}.js`, import.meta.url));
  const flags = ['--disable-warning=ExperimentalWarning', file, ...args];
  return spawnSync(process.execPath, flags, { encoding: 'utf8', timeout: 30_000 });
}

for (const program of PROGRAMS) {
  test(`${program} --help says what there is and does nothing else`, (t) => {
    const { status, stdout } = run(program, '--help');
    t.is(status, 0);
    t.regex(stdout, /^usage: npm /);
    t.regex(stdout, /--help/);
  });
}

const WRONG: readonly (readonly [string, readonly string[], RegExp])[] = [
  ['crash/main', ['--unknown'], /--unknown/],
  ['crash/main', ['--only', 'nothing'], /unknown campaign "nothing"/],
  ['crash/main', ['--kills', 'many'], /--kills must be a whole number from 1 on, not "many"/],
  ['bench/main', ['P99'], /no such row: P99/],
  ['bench/main', ['--runs', '0'], /--runs must be a whole number/],
  ['sim/main', ['--seeds'], /--seeds/],
];

for (const [program, args, says] of WRONG) {
  test(`${program} ${args.join(' ')} is refused with the reason and the usage`, (t) => {
    const { status, stdout, stderr } = run(program, ...args);
    t.is(status, 2);
    t.is(stdout, '');
    t.regex(stderr, says);
    t.regex(stderr, /usage: npm run/);
    t.notRegex(stderr, /\n +at /);
  });
}
