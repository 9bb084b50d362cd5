/** The file of `mainstay daemon --config FILE`: one JSON object with settings of scope `host`; comments are allowed. Pure. */
import { Fault } from '../shared/faults.ts';
import type { SettingValues } from '../shared/scenario.ts';
import { validate } from './catalogue.ts';
import { parseJsonc } from './jsonc.ts';

/** Checked values in their stored form; read them with `settingOf`. Throws `CONFIG-INVALID`. */
export function parseDaemonSettings(text: string): SettingValues {
  const values = readObject(text);
  const { $schema: _schema, ...settings } = values;
  return validate(settings, 'host');
}

function readObject(text: string): Record<string, unknown> {
  let values: unknown;
  try {
    values = parseJsonc(text);
  } catch (error) {
    throw new Fault('CONFIG-INVALID', { key: 'file', reason: Fault.from(error).message }, error);
  }
  if (typeof values === 'object' && values !== null && !Array.isArray(values)) return values as Record<string, unknown>;
  throw new Fault('CONFIG-INVALID', { key: 'file', reason: 'it must be an object such as {"engine.name": "web-01"}' });
}
