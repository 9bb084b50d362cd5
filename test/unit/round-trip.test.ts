/** The round trip of a link in a status: told at once when there is one, and then only now and then. */
import test from 'ava';
import { RoundTrip } from '../../daemon/engine/round-trip.ts';

test('a measured round trip is told at once, a newer one after ten seconds, and none while there is no link', (t) => {
  const trip = new RoundTrip(() => t.fail('both clocks are the same'));
  const measured = (roundTripMs: number) => ({ roundTripMs, clockAheadMs: 0 });
  t.deepEqual(trip.shown(undefined, 0), {});
  t.deepEqual(trip.shown(measured(2.5), 100), { roundTripMs: 2.5 });
  t.deepEqual(trip.shown(measured(3.5), 9_000), { roundTripMs: 2.5 });
  t.deepEqual(trip.shown(measured(3.5), 10_100), { roundTripMs: 3.5 });
  t.deepEqual(trip.shown(undefined, 10_200), {});
  t.deepEqual(trip.shown(measured(4.5), 10_300), { roundTripMs: 4.5 });
});
