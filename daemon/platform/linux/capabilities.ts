/** What the volume of a root can hold, and what this process may do on it. */
import { statfsSync } from 'node:fs';
import type { AttributeKinds } from '../../../shared/attributes.ts';
import type { TreeCapabilities } from '../../ports.ts';
import { translating } from '../system-fault.ts';
import { kindsOfVolume } from './attributes.ts';

/** File system types of statfs(2) (linux/magic.h): owners and modes belong to the mount, times are coarse. */
const MSDOS = 0x4d44;
const EXFAT = 0x2011bab0;

export const LINUX_CAPABILITIES: TreeCapabilities = {
  attributeKinds: 0,
  posixModes: true,
  owners: process.geteuid?.() === 0,
  timeGranularityNs: 1,
  caseSensitive: true,
  symlinks: true,
  hardLinks: true,
};

const NO_RIGHTS = { posixModes: false, owners: false, caseSensitive: false, symlinks: false, hardLinks: false };

/** Pure: for a type of file system. */
export function capabilitiesOfType(type: number, attributeKinds: AttributeKinds): TreeCapabilities {
  const whole = { ...LINUX_CAPABILITIES, attributeKinds };
  if (type === MSDOS) return { ...whole, ...NO_RIGHTS, timeGranularityNs: 2_000_000_000 };
  return type === EXFAT ? { ...whole, ...NO_RIGHTS, timeGranularityNs: 10_000_000 } : whole;
}

/** Of an open directory: asked once for each root. */
export function capabilitiesOf(handle: number, path: string): TreeCapabilities {
  const { type } = translating(path, () => statfsSync(`/proc/self/fd/${handle}`));
  return capabilitiesOfType(type, kindsOfVolume(handle));
}

/** Of a file system that does not say when its objects were born. */
export function fileSystemId(path: string): string {
  return translating(path, () => {
    const { type, blocks } = statfsSync(path, { bigint: true });
    return `${type.toString(16)}-${blocks}`;
  });
}
