/** Settings of the daemon itself: command line before `--config FILE` before the catalogue's defaults. */
import { hostname } from 'node:os';
import { settingOf, validate } from '../config/catalogue.ts';
import { parseJsonc } from '../config/jsonc.ts';
import { Fault } from '../shared/faults.ts';
import { parseAddress } from '../shared/protocol/pairing.ts';
import type { SettingValues } from '../shared/scenario.ts';

/** Options of `mainstay daemon`. */
export interface DaemonOptions {
  /** The data directory; made when it is missing. */
  readonly data: string;
  readonly name?: string;
  /** `host:port`; port 0: any free one, the same as last time if possible. */
  readonly listen?: string;
  /** A JSON file of host settings, comments allowed. */
  readonly config?: string;
}

export interface HostSettings {
  readonly name: string;
  readonly listen: string;
  readonly logLevel: string;
  readonly reports: {
    /** Below the data directory unless absolute. */
    readonly directory: string;
    /** Of each scenario. */
    readonly keepCount: number;
    /** 0: whatever their age. */
    readonly keepMs: number;
  };
}

/** `readFile`: undefined when there is no such file. Throws `CONFIG-INVALID` or `USAGE`. */
export function loadHostSettings(options: DaemonOptions, readFile: (path: string) => string | undefined): HostSettings {
  const values = options.config === undefined ? {} : readConfig(options.config, readFile);
  const name = options.name ?? settingOf(values, 'engine.name');
  const listen = options.listen ?? settingOf(values, 'engine.listen');
  parseAddress(listen);
  return {
    name: name === '' ? hostname() : name,
    listen,
    logLevel: settingOf(values, 'engine.logLevel'),
    reports: {
      directory: settingOf(values, 'report.directory'),
      keepCount: settingOf(values, 'report.keepCount'),
      keepMs: settingOf(values, 'report.keepMs'),
    },
  };
}

function readConfig(path: string, readFile: (path: string) => string | undefined): SettingValues {
  const text = readFile(path);
  if (text === undefined) throw new Fault('FS-NOT-FOUND', { path });
  let content: unknown;
  try {
    content = parseJsonc(text);
  } catch (error) {
    throw new Fault('CONFIG-INVALID', { key: path, reason: Fault.from(error).message }, error);
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw new Fault('CONFIG-INVALID', { key: path, reason: 'it is not an object of settings' });
  }
  return validate(content as Record<string, unknown>, 'host');
}
