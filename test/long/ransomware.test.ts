/**
 * The ransomware drill at its full size: 20,000 files encrypted within a minute. With `MAINSTAY_RECORD=FILE` what was pressed and seen
 * is written there (docs/measurements).
 */
import { appendFileSync } from 'node:fs';
import test from 'ava';
import { type DrillRecord, drill } from '../tui/ransomware-drill.ts';

const FILES = 20_000;
const PACE = { waveMs: 40_000, patienceMs: 300_000, settledMs: 62_000 };

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

function written({ options, stops, ...figures }: DrillRecord): string {
  const { columns, rows, files } = options;
  const lines = [
    `## ${columns}x${rows}, ${files} files`,
    '',
    '| | |',
    '|---|---|',
    `| encrypted within | ${seconds(figures.waveTookMs)} |`,
    `| first encrypted file to the alert on the screen | ${seconds(figures.alertMs)} |`,
    `| alert to the preview of the data before it | ${figures.previewKeys} keys, ${seconds(figures.previewMs)} |`,
    `| confirmation to the result, both hosts as before | ${seconds(figures.restoreMs)} |`,
    '',
  ];
  for (const { title, atMs, keys, screen } of stops) {
    const pressed = keys.length === 0 ? '' : `, after ${keys.map((key) => `\`${key}\``).join(' ')}`;
    const at = Number.isFinite(atMs) ? seconds(atMs) : 'before';
    lines.push(`**${title}** (${at}${pressed})`, '', '```', ...screen.trimEnd().split('\n'), '```', '');
  }
  return lines.map((line) => line.trimEnd()).join('\n');
}

for (const size of [
  { columns: 80, rows: 24 },
  { columns: 120, rows: 36 },
]) {
  test.serial(`20,000 files encrypted in a minute, and everything back, at ${size.columns}x${size.rows}`, async (t) => {
    t.timeout(900_000);
    const record = await drill(t, { ...size, ...PACE, files: FILES });
    const file = process.env.MAINSTAY_RECORD;
    if (file !== undefined) appendFileSync(file, `\n${written(record)}`);
    t.true(record.waveTookMs < 60_000, `${record.waveTookMs} ms`);
    t.log(
      `alert after ${seconds(record.alertMs)}, preview ${record.previewKeys} keys later, restored in ${seconds(record.restoreMs)}`,
    );
  });
}
