/** The peer of P11 and P12 is measured as it is: a failover takes what its protocol says, a planned one next to nothing. */
import { mkdtempSync, rmSync } from 'node:fs';
import { KeepalivedPair } from '../bench/keepalived.ts';
import { testNeeding } from '../runner/needing.ts';

const ADVERT_SECONDS = 0.2;
/** Three adverts that do not come, and the skew of a priority of 100 (RFC 5798 6.1). */
const DOWN_MS = (3 + (256 - 100) / 256) * ADVERT_SECONDS * 1_000;

testNeeding(
  'root',
  'ip',
  'nft',
  'nginx',
  'keepalived',
)(
  'keepalived moves the address of a machine that lost its power, and of one that its operator takes out of use',
  async (t) => {
    const folder = mkdtempSync('/dev/shm/mainstay-keepalived-');
    const pair = await KeepalivedPair.start(folder, ADVERT_SECONDS);
    try {
      const unplanned = await pair.unplanned();
      t.true(unplanned > DOWN_MS - ADVERT_SECONDS * 1_000 - 50 && unplanned < DOWN_MS + 500, `${unplanned} ms`);
      const planned = await pair.planned();
      t.true(planned < 300, `${planned} ms`);
      t.log(`unplanned ${unplanned.toFixed(0)} ms, planned ${planned.toFixed(0)} ms`);
    } finally {
      await pair.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  },
);
