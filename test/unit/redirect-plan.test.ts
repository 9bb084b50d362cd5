/** From a scenario's properties to the methods of each of its hosts, in the order of taking over and of giving up. */
import test from 'ava';
import { inOrder, parseAddressAndMask, planRedirection, standbyNameOf } from '../../daemon/redirect/plan.ts';
import type { SettingValues } from '../../shared/scenario.ts';

function plan(settings: SettingValues, here: 'master' | 'replica', own: SettingValues = {}) {
  return planRedirection({
    settings,
    master: { name: 'web', address: '10.0.0.11:4090', settings: own },
    replica: { name: 'spare', address: '10.0.0.12:4090', settings: own },
    here,
    domain: 'corp.test',
    hostServers: ['10.0.0.53'],
  });
}

test('without a method nothing is done to clients', (t) => {
  t.deepEqual(plan({}, 'replica'), []);
});

test("the Replica enters its own address under the Master's name, the Master its own when it comes back", (t) => {
  const dns = {
    kind: 'dns',
    name: 'web.corp.test',
    ttlSeconds: 60,
    servers: ['10.0.0.53'],
    method: 'secure',
    keyName: '',
  };
  t.deepEqual(plan({ 'redirect.dns': true }, 'replica'), [{ ...dns, addresses: ['10.0.0.12'] }] as never);
  t.deepEqual(plan({ 'redirect.dns': true }, 'master'), [{ ...dns, addresses: ['10.0.0.11'] }] as never);
});

test('name, servers, TTL and key are those of the properties', (t) => {
  const settings = {
    'redirect.dns': true,
    'redirect.dnsName': 'www.example.org',
    'redirect.dnsServers': ['ns1:5353', 'ns2'],
    'redirect.dnsTtlSeconds': 5,
    'redirect.dnsUpdate': 'tsig',
    'redirect.dnsTsigKey': 'ha',
  };
  t.like(plan(settings, 'replica')[0], {
    name: 'www.example.org',
    servers: ['ns1:5353', 'ns2'],
    ttlSeconds: 5,
    method: 'tsig',
    keyName: 'ha',
  });
});

test('any combination: address, name and record are taken before the script runs, and given up the other way round', (t) => {
  const settings = {
    'redirect.moveIp': true,
    'redirect.moveIpAddresses': ['10.0.0.10/255.255.255.0', '10.0.0.9/25'],
    'redirect.dns': true,
    'redirect.computerName': true,
  };
  const methods = plan(settings, 'replica', {
    'redirect.activateScript': 'on.sh',
    'redirect.scriptArguments': ['a b'],
  });
  t.deepEqual(
    inOrder(methods, 'acquire').map(({ kind }) => kind),
    ['move-ip', 'computer-name', 'dns', 'script'],
  );
  t.deepEqual(
    inOrder(methods, 'release').map(({ kind }) => kind),
    ['script', 'dns', 'computer-name', 'move-ip'],
  );
  t.deepEqual(methods[0], {
    kind: 'move-ip',
    addresses: [
      { address: '10.0.0.10', prefix: 24 },
      { address: '10.0.0.9', prefix: 25 },
    ],
    engineAddress: '10.0.0.12',
  });
  t.like(methods[3], { activate: 'on.sh', deactivate: '', arguments: ['a b'], timeoutMs: 60_000 });
});

test('the Master is called <name>-XO meanwhile, within the 15 characters of a computer name', (t) => {
  const settings = { 'redirect.computerName': true };
  t.like(plan(settings, 'master')[0], { activeName: 'web', standbyName: 'web-XO', reboot: false });
  t.like(plan(settings, 'replica')[0], { activeName: 'web', standbyName: 'spare' });
  t.is(standbyNameOf('ABCDEFGHIJKLMNO'), 'ABCDEFGHIJKL-XO');
});

test('masks are read dotted and as a count of bits; what is none is refused', (t) => {
  t.deepEqual(parseAddressAndMask('192.168.220.111/255.255.255.128'), { address: '192.168.220.111', prefix: 25 });
  t.deepEqual(parseAddressAndMask('192.168.220.111/255.255.255.255'), { address: '192.168.220.111', prefix: 32 });
  for (const text of [
    '1.2.3.4',
    '1.2.3.4/0',
    '1.2.3.4/33',
    '1.2.3.4/255.0.255.0',
    '1.2.3.999/24',
    '::1/64',
    '1.2.3.4/0.0.0.0',
  ])
    t.throws(() => parseAddressAndMask(text), { message: /CONFIG|not valid/ }, text);
});
