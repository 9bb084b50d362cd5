import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { definitionOf, SETTING_KEYS } from '../../config/catalogue.ts';

const TOP = fileURLToPath(new URL('../../../', import.meta.url));

test('every property that is offered as effective is read by the code (docs/decisions/0020)', (t) => {
  const code = ['daemon', 'tui']
    .flatMap((folder) =>
      readdirSync(join(TOP, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(TOP, folder, name)),
    )
    .filter((path) => /\.tsx?$/.test(path))
    .map((path) => readFileSync(path, 'utf8'))
    .join('\n');
  const offered = SETTING_KEYS.filter((key) => {
    const { awaits, choices } = definitionOf(key);
    const isConstant = choices !== undefined && choices.filter((choice) => choice.awaits === undefined).length === 1;
    return awaits === undefined && !isConstant;
  });
  t.deepEqual(
    offered.filter((key) => !code.includes(`'${key}'`)),
    [],
  );
});
