/** The ransomware drill in the console, with as many files as the brake needs at least. 20,000: `npm run test:long`. */
import test from 'ava';
import { drill } from './ransomware-drill.ts';

const FILES = 1_200;

test('encrypted files: seen, looked into with three keys, and everything brought back to both hosts', async (t) => {
  t.timeout(120_000);
  const size = { columns: 80, rows: 24 };
  const pace = { waveMs: 3_000, patienceMs: 30_000, settledMs: 11_000 };
  const { previewKeys, alertMs, previewMs } = await drill(t, { ...size, ...pace, files: FILES });
  t.log(
    `alert ${Math.round(alertMs)} ms after the first file, preview ${Math.round(previewMs)} ms and ${previewKeys} keys later`,
  );
});
