/** `mainstay settings [KEY]`: the catalogue, readable without any host. */
import { definitionOf, isSettingKey, keysOf, SETTING_KEYS, type SettingKey } from '../../config/catalogue.ts';
import type { SettingScope } from '../../config/settings/definition.ts';
import { describeLimits, showValue } from '../../config/value.ts';
import { Fault } from '../../shared/faults.ts';
import { didYouMean } from '../../shared/suggest.ts';
import type { CommonOptions, Context } from './context.ts';
import { DONE } from './options.ts';
import { pairs, table } from './text.ts';

const SCOPES: readonly SettingScope[] = ['scenario', 'master', 'replica', 'host'];
const EDITABLE = {
  always: 'also while it runs',
  stopped: 'while it is stopped',
  creation: 'not once created',
} as const;

export async function settings(
  context: Context,
  options: CommonOptions & { readonly scope?: string },
  key: string | undefined,
): Promise<number> {
  if (key !== undefined) showOne(context, options, key);
  else showAll(context, options);
  return DONE;
}

function showAll(context: Context, options: CommonOptions & { readonly scope?: string }): void {
  const scope = SCOPES.find((candidate) => candidate === options.scope);
  if (options.scope !== undefined && scope === undefined) {
    throw new Fault('USAGE', { reason: `"${options.scope}" is not one of: ${SCOPES.join(', ')}` });
  }
  const keys = scope === undefined ? SETTING_KEYS : keysOf(scope);
  if (options.json === true) {
    context.json({ settings: keys.map((each) => ({ key: each, ...definitionOf(each) })) });
    return;
  }
  const rows = keys.map((each) => {
    const definition = definitionOf(each);
    const name = definition.awaits === undefined ? definition.label : `${definition.label} (not yet effective)`;
    return [each, showValue(definition, definition.default), definition.scopes.join(', '), name];
  });
  context.terminal.out(table(['KEY', 'DEFAULT', 'OF', 'LABEL'], rows));
}

function showOne(context: Context, options: CommonOptions, key: string): void {
  if (!isSettingKey(key)) {
    throw new Fault('CONFIG-INVALID', { key, reason: `there is no such property${didYouMean(key, SETTING_KEYS)}` });
  }
  const definition = definitionOf(key as SettingKey);
  if (options.json === true) {
    context.json({ key, ...definition });
    return;
  }
  context.terminal.out(
    pairs([
      ['key', key],
      ['label', definition.label],
      ['help', definition.help],
      ['type', definition.type],
      ['default', showValue(definition, definition.default)],
      ['accepted', describeLimits(definition)],
      ['of', definition.scopes.join(', ')],
      ['editable', EDITABLE[definition.edit]],
      ['hosts', definition.agreement === 'agreed' ? 'must agree on it' : 'may differ'],
      ['status', definition.awaits === undefined ? 'effective' : `not yet effective: comes with ${definition.awaits}`],
    ]),
  );
}
