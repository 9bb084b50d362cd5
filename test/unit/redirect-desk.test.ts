/** A scenario's redirection on both of its hosts: from its properties over Run, switchover and back to Stop. */
import test from 'ava';
import { RedirectionService } from '../../daemon/redirect/service.ts';
import type { ClientGate } from '../../daemon/services.ts';
import type { FaultDetails } from '../../shared/faults.ts';
import type { ScenarioDocument, SettingValues } from '../../shared/scenario.ts';
import { SimulatedClock } from '../memory/clock.ts';
import { adoptionRecord, MemoryLan } from '../memory/lan.ts';
import { settle } from '../memory/scenario-world.ts';

const MOVED = '192.0.2.10';
const GATE_MS = 5_000;
const MOVE_IP: SettingValues = { 'redirect.moveIp': true, 'redirect.moveIpAddresses': [`${MOVED}/24`] };

function world(settings: SettingValues) {
  const clock = new SimulatedClock();
  const lan = new MemoryLan(clock);
  const a = lan.machine('web', MOVED, '192.0.2.11');
  const b = lan.machine('spare', '192.0.2.12');
  let document: ScenarioDocument = {
    id: 'ab'.repeat(16),
    name: 'web',
    serverType: 'nginx',
    solution: 'ha',
    master: { name: 'web', address: '192.0.2.11:4090', deviceId: 'A' },
    replicas: [{ name: 'spare', address: '192.0.2.12:4090', deviceId: 'B' }],
    roots: [{ master: '/srv' }],
    exclude: [],
    settings,
    revision: 1,
  };
  const records = { A: adoptionRecord(), B: adoptionRecord() };
  const told: string[] = [];
  const events = {
    record: (code: string, details: FaultDetails = {}) =>
      told.push(`${code} ${details.method ?? details.address ?? details.text ?? ''}`.trim()) as never,
  };
  const start = (deviceId: 'A' | 'B') =>
    new RedirectionService({
      host: { name: deviceId === 'A' ? 'web' : 'spare', deviceId },
      ports: (deviceId === 'A' ? a : b).ports(records[deviceId], events),
      documentOf: () => document,
      gateMs: () => GATE_MS,
    });
  const services = { A: start('A'), B: start('B') };
  const change = (next: Partial<ScenarioDocument>) => {
    document = { ...document, ...next };
  };
  const turnRound = () => change({ backward: true, master: document.replicas[0]!, replicas: [document.master] });
  const desk = (deviceId: 'A' | 'B') => services[deviceId].desk(document);
  const codes = async (deviceId: 'A' | 'B') => (await desk(deviceId).findings()).map(({ code }) => code);
  const until = () => clock.bootMs() + GATE_MS;
  return { a, b, clock, records, told, start, services, change, turnRound, desk, codes, until };
}

const opened = (gate: ClientGate | undefined): ClientGate => {
  if (gate === undefined) throw new Error('there is no gate');
  return gate;
};

/** Virtual time in steps, so that what a timer began can go on before the next one. */
const passing = (clock: SimulatedClock) => async (ms: number) => {
  for (let left = ms; left > 0; left -= 100) {
    clock.advance(100);
    await settle();
  }
};

test('the address is leased at Run, goes over and comes back, and is permanent where the scenario stops', async (t) => {
  const { a, b, codes, desk, records, told, turnRound, until } = world(MOVE_IP);
  t.deepEqual([await codes('A'), await codes('B')], [[], []]);
  await desk('A').adopt();
  await opened(desk('A').gate).arm(until());
  t.deepEqual(a.addresses, ['192.0.2.11 forever', `${MOVED} leased`]);
  t.deepEqual(records.A.value.adopted, [{ address: MOVED, prefix: 24, device: 'd0', state: 'leased' }]);

  await opened(desk('A').gate).close();
  await desk('A').release('s1');
  t.deepEqual(records.A.value.adopted, [], 'the other host has it from now on');
  turnRound();
  await desk('B').acquire('s1');
  await opened(desk('B').gate).arm(until());
  t.deepEqual([a.addresses, b.addresses], [['192.0.2.11 forever'], ['192.0.2.12 forever', `${MOVED} leased`]]);
  t.deepEqual(records.B.value.adopted, [{ address: MOVED, prefix: 24, device: 'd0', state: 'leased' }]);
  t.deepEqual(told, ['RED-003 Move IP']);
  await desk('B').acquire('s1');
  t.deepEqual(told, ['RED-003 Move IP'], 'done before: not done twice');

  await desk('B').giveBack(true);
  await desk('A').giveBack(false);
  t.deepEqual(b.addresses, ['192.0.2.12 forever', `${MOVED} forever`]);
  t.is(records.B.value.adopted[0]?.state, 'permanent');
});

test('a gate that opens notes what the system is owed although nobody adopted, and takes an address again that ran out', async (t) => {
  const { a, b, clock, desk, records, until } = world(MOVE_IP);
  const gate = opened(desk('A').gate);
  await gate.arm(until());
  t.deepEqual(a.log, [`put ${MOVED} 5`, `put ${MOVED} 4`]);
  t.is(records.A.value.adopted.length, 1);
  clock.advance(60_000);
  t.deepEqual(await gate.read(), { state: 'closed' });
  await gate.arm(until());
  t.deepEqual(a.addresses, ['192.0.2.11 forever', `${MOVED} leased`]);
  clock.advance(60_000);
  await desk('B').acquire('s1');
  await t.throwsAsync(gate.arm(until()), { code: 'REDIRECT-IN-USE' });
  t.deepEqual([a.addresses.length, b.addresses.length], [1, 2]);
});

test('an engine that ends orderly leaves the address for as long as the next one may need', async (t) => {
  const { a, clock, desk, start, until } = world(MOVE_IP);
  await opened(desk('A').gate).arm(until());
  clock.advance(3_000);
  await desk('A').handOver(GATE_MS);
  clock.advance(4_000);
  t.is(a.addresses.length, 2);
  t.deepEqual(await start('A').doctor(), []);
  clock.advance(4_000);
  const [missing] = await start('A').doctor();
  t.is(missing?.code, 'MOVE-IP-MISSING');
  t.true(missing?.fix.endsWith(`ip address add ${MOVED}/24 dev d0`));
});

test('given back and booted: the engine brings the address up, unless somebody else has it', async (t) => {
  const { a, b, desk, services, told } = world(MOVE_IP);
  await desk('A').adopt();
  await desk('A').giveBack(true);
  await a.table().remove(MOVED, 24, 'd0');
  await services.A.restore();
  t.deepEqual(a.addresses, ['192.0.2.11 forever', `${MOVED} forever`]);
  await a.table().remove(MOVED, 24, 'd0');
  await b.table().put(MOVED, 24, 'd0', 'forever');
  await services.A.restore();
  t.deepEqual([a.addresses.length, told], [1, [`RED-004 ${MOVED}`]]);
});

test('an engine that goes for good leaves every address permanent and says what to configure', async (t) => {
  const { a, desk, services } = world(MOVE_IP);
  await desk('A').adopt();
  const [finding] = await services.A.leave();
  t.deepEqual(a.addresses, ['192.0.2.11 forever', `${MOVED} forever`]);
  t.is(finding?.code, 'MOVE-IP-CONFIGURE');
});

test('what stands in the way is found on the host where it is', async (t) => {
  const { a, b, change, codes } = world(MOVE_IP);
  a.configured.set('/etc/network/interfaces', MOVED);
  await b.table().put(MOVED, 24, 'd0', 'forever');
  t.deepEqual(await codes('A'), ['MOVE-IP-BOOT']);
  t.deepEqual(await codes('B'), ['MOVE-IP-BOTH']);
  await a.table().remove(MOVED, 24, 'd0');
  t.deepEqual(await codes('A'), ['MOVE-IP-TAKEN', 'MOVE-IP-BOOT']);
  await b.table().remove(MOVED, 24, 'd0');
  t.deepEqual(await codes('A'), ['MOVE-IP-ABSENT', 'MOVE-IP-BOOT']);
  change({ settings: { ...MOVE_IP, 'redirect.moveIpAddresses': [`${MOVED}/255.0.255.0`] } });
  t.deepEqual(await codes('A'), ['REDIRECT-PLAN']);
  change({ settings: { 'redirect.computerName': true } });
  t.deepEqual(await codes('B'), ['GATE-NONE']);
  change({ solution: 'dr' });
  t.deepEqual([await codes('A'), await codes('B')], [[], []], 'disaster recovery moves no clients');
});

test('ports and address are one gate: open only together, closed together, and gone after Stop', async (t) => {
  const { a, b, desk, until } = world({ ...MOVE_IP, 'redirect.servicePorts': ['80', '443'] });
  const gate = opened(desk('A').gate);
  t.is(desk('A').gate, gate);
  await gate.arm(until());
  t.like(await gate.read(), { state: 'open' });
  await a.table().remove(MOVED, 24, 'd0');
  t.deepEqual(await gate.read(), { state: 'closed' });
  await b.table().put(MOVED, 24, 'd0', 'forever');
  await t.throwsAsync(gate.arm(until()), { code: 'REDIRECT-IN-USE' });
  t.deepEqual(
    [...a.filters.values()].map((ms) => ms <= 0),
    [true],
    'the ports do not stay open without the address',
  );
  await opened(desk('B').gate).close();
  t.is(b.filters.size, 1);
  await desk('B').giveBack(false);
  t.is(b.filters.size, 0, 'a stopped scenario guards nothing');
});

test('a planned takeover that does not work entirely changes nothing; a forced one keeps what worked and says what not', async (t) => {
  const both = {
    ...MOVE_IP,
    'redirect.dns': true,
    'redirect.dnsServers': ['192.0.2.53'],
    'redirect.dnsUpdate': 'non-secure',
  };
  const { a, b, desk } = world(both);
  await desk('A').release('s1');
  await t.throwsAsync(desk('B').acquire('s1', 'undo'), {
    code: 'REDIRECT-FAILED',
    message: /Redirect DNS failed: 192\.0\.2\.53/,
  });
  t.deepEqual([a.addresses, b.addresses], [['192.0.2.11 forever'], ['192.0.2.12 forever']]);
  const remarks = await desk('B').acquire('s1', 'keep');
  t.deepEqual(b.addresses, ['192.0.2.12 forever', `${MOVED} leased`]);
  t.regex(remarks.join(), /left out: Redirect DNS failed/);
  await desk('B').revert('acquire', 's1');
  t.deepEqual(b.addresses, ['192.0.2.12 forever']);
});

test('an address that cannot be given up is told, after everything else was given up', async (t) => {
  const { a, desk } = world({ ...MOVE_IP, 'redirect.computerName': true });
  await desk('A').adopt();
  a.deaf = true;
  await t.throwsAsync(desk('A').release('s1'), { message: /Switch Computer Name.*Move IP failed: still here/s });
  a.deaf = false;
  await desk('A').release('s1');
  t.deepEqual([a.addresses, a.name.running], [['192.0.2.11 forever'], 'web-XO']);
  await desk('A').revert('release', 's1');
  t.deepEqual([a.addresses, a.name.running], [['192.0.2.11 forever', `${MOVED} leased`], 'web']);
});

test('after a restart in the middle of a takeover there is nothing to take back from memory: it goes the other way', async (t) => {
  const { b, desk, services, start } = world(MOVE_IP);
  await desk('A').release('s1');
  await desk('B').acquire('s1');
  services.B = start('B');
  await desk('B').acquire('s1');
  t.deepEqual(b.addresses, ['192.0.2.12 forever', `${MOVED} leased`]);
  services.B = start('B');
  await desk('B').revert('acquire', 's1');
  t.deepEqual(b.addresses, ['192.0.2.12 forever']);
});

test('the dry run names every command of a direction, in its order', (t) => {
  const { desk } = world({ ...MOVE_IP, 'redirect.computerName': true, 'redirect.servicePorts': ['80'] });
  t.deepEqual(desk('B').describe('acquire'), [
    `Move IP: if nobody answers for ${MOVED}: ip address add ${MOVED}/24 valid_lft 5, then gratuitous ARP`,
    'Computer name: this computer becomes web, now and after a boot',
    'Service ports 80: opened',
  ]);
  t.deepEqual(desk('A').describe('release'), [
    'Service ports 80: closed',
    'Computer name: this computer becomes web-XO if it is called web, now and after a boot',
    `Move IP: ip address del ${MOVED}/24`,
  ]);
});

test('a closed gate that something else opens is closed again within a second, and an event says so', async (t) => {
  const { a, b, clock, desk, told, until } = world({ ...MOVE_IP, 'redirect.servicePorts': ['80'] });
  const pass = passing(clock);
  const gate = opened(desk('A').gate);
  await gate.close();
  a.filters.clear();
  t.like(await gate.read(), { state: 'closed' }, 'the address is still missing');
  await pass(1_500);
  t.deepEqual([[...a.filters.values()].length, told], [1, ['RED-005']]);
  await a.table().put(MOVED, 24, 'd0', 'forever');
  a.deaf = true;
  await pass(2_500);
  t.deepEqual(told.slice(1), ['RED-006'], 'told once, tried again every second');
  a.deaf = false;
  await pass(1_500);
  t.deepEqual([a.addresses, told.slice(2)], [['192.0.2.11 forever'], ['RED-005']]);

  await opened(desk('B').gate).close();
  await desk('B').giveBack(false);
  await b.table().put(MOVED, 24, 'd0', 'forever');
  await pass(3_000);
  t.is(b.addresses.length, 2, 'a stopped scenario guards nothing');
  await b.table().remove(MOVED, 24, 'd0');

  await gate.arm(until());
  a.filters.clear();
  await pass(1_500);
  t.is(told.length, 3, 'open is left open');
});

test('after a takeover it is looked at what clients see, and a machine that answers too is outshouted until it is gone', async (t) => {
  const { a, b, clock, desk, told } = world({ ...MOVE_IP, 'redirect.servicePorts': ['80'] });
  const pass = passing(clock);
  await desk('A').release('s1');
  await desk('B').acquire('s1');
  await pass(1_500);
  t.deepEqual(told.splice(0, 2), ['RED-003 Move IP', 'RED-003 Move IP']);
  t.deepEqual(told.splice(0), [`RED-008 Nothing answers at ${MOVED}:80 on this host: refused`]);
  b.serves.add(80);
  await a.table().put(MOVED, 24, 'd0', 'forever');
  b.announced.length = 0;
  await opened(desk('B').gate).arm(clock.bootMs() + 60_000);
  await pass(4_500);
  t.deepEqual(told.splice(0), [`RED-008 ${a.hardware} answers for ${MOVED} too: some clients are led there`]);
  t.true(b.announced.length > 0);
  await a.table().remove(MOVED, 24, 'd0');
  await pass(16_000);
  t.deepEqual(told.splice(0), ['RED-007']);
  await pass(120_000);
  t.deepEqual(told, [], 'nothing is left to look at');
  t.deepEqual((await desk('B').clientView()).seen, [`nobody else answers for ${MOVED}`]);
});
