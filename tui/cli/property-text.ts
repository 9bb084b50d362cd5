/** Values of properties as people write them. */
import { definitionOf, isSettingKey } from '../../config/catalogue.ts';
import { type SettingValue, showValue } from '../../config/value.ts';

/** `key` may name a host (`spool.maxBytes@web-02`); fields of the document are shown as JSON. */
export function showProperty(key: string, value: unknown): string {
  const name = key.replace(/@.*$/, '');
  return isSettingKey(name) ? showValue(definitionOf(name), value as SettingValue) : JSON.stringify(value);
}
