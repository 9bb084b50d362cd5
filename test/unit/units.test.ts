import test from 'ava';
import fc from 'fast-check';
import {
  formatAge,
  formatBytes,
  formatCount,
  formatDuration,
  formatExactBytes,
  formatExactDuration,
  formatPercent,
  formatRate,
  parseBytes,
  parseDuration,
} from '../../shared/units.ts';
import { PROPERTY_SETTINGS } from '../runner/property-settings.ts';

fc.configureGlobal(PROPERTY_SETTINGS);

test('sizes are shown with at most three significant digits and never as 1000 of a unit', (t) => {
  t.is(formatBytes(0), '0 B');
  t.is(formatBytes(999), '999 B');
  t.is(formatBytes(1000), '1 kB');
  t.is(formatBytes(1536), '1.54 kB');
  t.is(formatBytes(999_499), '999 kB');
  t.is(formatBytes(999_999), '1 MB');
  t.is(formatBytes(182_400_000), '182 MB');
  t.is(formatBytes(1_230_000_000_000), '1.23 TB');
  t.is(formatRate(240_000_000), '240 MB/s');
});

test('durations, ages, counts and shares read naturally', (t) => {
  t.is(formatDuration(0), '0 ms');
  t.is(formatDuration(250), '250 ms');
  t.is(formatDuration(1500), '1.5 s');
  t.is(formatDuration(59_999), '59 s');
  t.is(formatDuration(200_000), '3 min 20 s');
  t.is(formatDuration(7_500_000), '2 h 5 min');
  t.is(formatDuration(100 * 3_600_000), '4 d 4 h');
  t.is(formatAge(1000), 'just now');
  t.is(formatAge(180_000), '3 min ago');
  t.is(formatCount(1_234_567), '1,234,567');
  t.is(formatPercent(999, 1000), '99%');
});

test('what is not everything is never shown as 100%', (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1e9 }), (whole) => formatPercent(whole - 1, whole) !== '100%'),
    { numRuns: 200 },
  );
  t.is(formatPercent(5, 5), '100%');
});

test('a size or time printed for a setting reads back exactly', (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 50 }), (value) => {
      t.is(parseBytes(formatExactBytes(value)), value);
      t.is(parseDuration(formatExactDuration(value)), value);
    }),
    { numRuns: 500 },
  );
  t.is(formatExactBytes(10 * 1024 ** 3), '10 GiB');
  t.is(formatExactDuration(300_000), '5 min');
});

test('sizes and times are read as people write them, and nonsense is refused', (t) => {
  t.is(parseBytes('10GiB'), 10 * 1024 ** 3);
  t.is(parseBytes('10 GB'), 10_000_000_000);
  t.is(parseBytes('64k'), 65_536);
  t.is(parseBytes('1.5 MB'), 1_500_000);
  t.is(parseBytes('1500'), 1500);
  for (const text of ['', 'GB', '-1', '10 XB', '10 GBs', '1e3']) t.is(parseBytes(text), undefined, text);
  t.is(parseDuration('30 s'), 30_000);
  t.is(parseDuration('1h30m'), 5_400_000);
  t.is(parseDuration('100ms'), 100);
  for (const text of ['', '30', 's', '-3 s', '3 weeks']) t.is(parseDuration(text), undefined, text);
});
