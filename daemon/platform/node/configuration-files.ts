/** Reads configuration files of applications on this host, in the encodings that editors leave behind. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, join } from 'node:path';
import type { ConfigurationFiles } from '../../ports.ts';

/** No real configuration is larger; a path to something else must not fill the memory. */
const MAX_BYTES = 16 * 1024 * 1024;

export function openConfigurationFiles(): ConfigurationFiles {
  return {
    windows: process.platform === 'win32',
    variables: definedOnly(process.env),
    read,
    match,
    beside: (path, name) => (isAbsolute(name) ? name : join(dirname(path), name)),
  };
}

function read(path: string): string | undefined {
  try {
    const stat = statSync(path);
    if (!stat.isFile() || stat.size > MAX_BYTES) return undefined;
    return decode(readFileSync(path));
  } catch {
    return undefined;
  }
}

function decode(bytes: Buffer): string {
  const utf16 = bytes[0] === 0xff && bytes[1] === 0xfe;
  return utf16 ? bytes.toString('utf16le') : bytes.toString('utf8');
}

function match(pattern: string): string[] {
  const name = basename(pattern);
  if (!name.includes('*')) return [pattern];
  const expression = new RegExp(`^${name.split('*').map(escapeText).join('.*')}$`);
  try {
    const names = readdirSync(dirname(pattern)).filter((one) => expression.test(one));
    return names.sort().map((one) => join(dirname(pattern), one));
  } catch {
    return [];
  }
}

function escapeText(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

function definedOnly(environment: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}
