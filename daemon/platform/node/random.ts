import { randomBytes, randomInt } from 'node:crypto';
import type { Random } from '../../ports.ts';

export class SystemRandom implements Random {
  bytes(count: number): Uint8Array {
    return randomBytes(count);
  }

  fraction(): number {
    return randomInt(2 ** 47) / 2 ** 47;
  }
}
