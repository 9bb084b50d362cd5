/** Who holds an address is asked while data is still taken over; the answer must not be older or other than it is worth. */
import test from 'ava';
import { AskedAhead } from '../../daemon/redirect/asked-ahead.ts';
import type { HostAddresses } from '../../daemon/redirect/host-addresses.ts';
import { SimulatedClock } from '../memory/clock.ts';

const MOVED = { address: '10.0.0.9', prefix: 24 };

function network(...answers: (string | undefined | Error)[]) {
  const asked: string[] = [];
  const addresses: HostAddresses = {
    unavailable: () => Promise.resolve(undefined),
    list: () => Promise.resolve([{ address: '10.0.0.1', prefix: 24, device: 'eth0', validSeconds: 'forever' }]),
    put: () => Promise.resolve(),
    remove: () => Promise.resolve(),
    holder: (address, device) => {
      asked.push(`${address} ${device}`);
      const answer = answers.shift();
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    },
    announce: () => Promise.resolve(),
    configuredIn: () => Promise.resolve([]),
  };
  const clock = new SimulatedClock();
  return { asked, clock, ahead: new AskedAhead(addresses, clock) };
}

test('an answer that nobody has the address is used once', async (t) => {
  const { asked, ahead } = network(undefined, 'aa:bb');
  await ahead.askAhead([MOVED]);
  t.is(await ahead.holder(MOVED.address, 'eth0'), undefined);
  t.is(asked.length, 1);
  t.is(await ahead.holder(MOVED.address, 'eth0'), 'aa:bb');
});

test('one that is old, of another interface, that names a holder or that failed is asked again', async (t) => {
  const old = network(undefined, 'aa:bb');
  await old.ahead.askAhead([MOVED]);
  old.clock.after(2_001, () => undefined);
  old.clock.runNext();
  t.is(await old.ahead.holder(MOVED.address, 'eth0'), 'aa:bb');

  const other = network(undefined, 'aa:bb');
  await other.ahead.askAhead([MOVED]);
  t.is(await other.ahead.holder(MOVED.address, 'eth1'), 'aa:bb');

  // The host that hands over was about to let go.
  const held = network('aa:bb', undefined);
  await held.ahead.askAhead([MOVED]);
  t.is(await held.ahead.holder(MOVED.address, 'eth0'), undefined);
  t.is(held.asked.length, 2);

  const failed = network(new Error('no raw socket'), undefined);
  await failed.ahead.askAhead([MOVED]);
  t.is(await failed.ahead.holder(MOVED.address, 'eth0'), undefined);
});

test('nothing is asked of an address that is here or that no interface is for', async (t) => {
  const { asked, ahead } = network();
  await ahead.askAhead([
    { address: '10.0.0.1', prefix: 24 },
    { address: '192.168.1.9', prefix: 24 },
  ]);
  t.deepEqual(asked, []);
});
