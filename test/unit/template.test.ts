import test from 'ava';
import { definitionOf, keysOf } from '../../config/catalogue.ts';
import { parseScenarioInput } from '../../config/document.ts';
import { parseJsonc } from '../../config/jsonc.ts';
import { scenarioSchema } from '../../config/schema.ts';
import { scenarioTemplate } from '../../config/template.ts';
import { SERVER_TYPES } from '../../shared/scenario.ts';

for (const kind of SERVER_TYPES) {
  test(`the template of a ${kind} scenario is accepted as it is, and with every shown property taken in`, (t) => {
    const text = scenarioTemplate(kind);
    const document = parseScenarioInput(parseJsonc(text));
    t.is(document.serverType, kind);
    t.deepEqual(document.settings, {});
    const uncommented = text.replace(/^( *)\/\/ ("[a-z]+\.[^\n]*)$/gim, '$1$2');
    const full = parseScenarioInput(parseJsonc(uncommented));
    const effective = keysOf('scenario').filter((key) => definitionOf(key).awaits === undefined);
    t.deepEqual(Object.keys(full.settings).sort(), [...effective].sort());
    t.true(text.split('\n').every((line) => line.length <= 120));
  });
}

test('the schema knows every property of every scope, and nothing else', (t) => {
  const schema = scenarioSchema() as {
    properties: Record<
      string,
      { properties?: Record<string, unknown>; items?: { properties: Record<string, unknown> } }
    >;
  };
  const keys = (value: unknown) => Object.keys((value as { properties: object }).properties).sort();
  t.deepEqual(keys(schema.properties.settings), [...keysOf('scenario')].sort());
  t.deepEqual(keys(schema.properties.master?.properties?.settings), [...keysOf('master')].sort());
  t.deepEqual(keys(schema.properties.replicas?.items?.properties.settings), [...keysOf('replica')].sort());
  t.is(JSON.stringify(schema).includes('undefined'), false);
});
