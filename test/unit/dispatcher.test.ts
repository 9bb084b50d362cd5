import test from 'ava';
import { Dispatcher } from '../../daemon/console/dispatcher.ts';
import type { CommandHandlers, Session } from '../../daemon/services.ts';
import { COMMANDS, type CommandName, isChanging, type SessionRole, USER_ROLES } from '../../shared/commands.ts';
import { Fault } from '../../shared/faults.ts';
import type { Reply } from '../../shared/protocol/console.ts';
import { SimulatedClock } from '../memory/clock.ts';

const ROLES: readonly SessionRole[] = [...USER_ROLES, 'peer', 'witness'];
const NAMES = Object.keys(COMMANDS) as CommandName[];

/** Arguments the catalogue accepts, for every command; a new command must be added here. */
const ARGS: Readonly<Record<string, unknown>> = {
  'pair.accept': { invite: 'x' },
  'pair.revoke': { deviceId: 'abcdefgh' },
  'scenario.create': { document: {} },
  'scenario.show': { name: 'a' },
  'scenario.set': { name: 'a', values: {} },
  'scenario.plan': { document: {} },
  'scenario.apply': { document: {} },
  'scenario.delete': { name: 'a' },
  'scenario.verify': { name: 'a' },
  'scenario.run': { name: 'a' },
  'scenario.stop': { name: 'a' },
  'scenario.suspend': { name: 'a' },
  'scenario.resume': { name: 'a' },
  'scenario.barrier': { name: 'a' },
  'scenario.audit': { name: 'a' },
  'scenario.assess': { name: 'a' },
  'scenario.sendNow': { name: 'a' },
  'scenario.diff': { name: 'a' },
  'scenario.giveUpSpool': { name: 'a' },
  'scenario.brakeRelease': { name: 'a' },
  'host.prepareReboot': { host: 'a' },
  'scenario.parked': { name: 'a' },
  'scenario.parkedRetry': { name: 'a' },
  'scenario.parkedDrop': { name: 'a' },
  'scenario.bookmark': { name: 'a', text: 'b' },
  'scenario.rehearse': { name: 'a' },
  'scenario.points': { name: 'a', filter: {} },
  'scenario.preview': { name: 'a', point: 'p' },
  'scenario.previewFile': { name: 'a', point: 'p', root: 0, path: 'f' },
  'scenario.extract': { name: 'a', point: 'p', root: 0, path: '' },
  'scenario.extractList': { name: 'a', point: 'p', root: 0, path: '' },
  'scenario.extractRead': { name: 'a', point: 'p', root: 0, path: 'f', position: 0, length: 1 },
  'peer.preview': { scenarioId: 'a', point: 'p' },
  'peer.previewFile': { scenarioId: 'a', point: 'p', root: 0, path: 'f' },
  'peer.extract': { scenarioId: 'a', point: 'p', root: 0, path: '' },
  'peer.extractList': { scenarioId: 'a', point: 'p', root: 0, path: '' },
  'peer.extractRead': { scenarioId: 'a', point: 'p', root: 0, path: 'f', position: 0, length: 1 },
  'scenario.switchover': { name: 'a' },
  'scenario.switchoverPlan': { name: 'a' },
  'scenario.recoverActive': { name: 'a', make: 'master' },
  'scenario.ack': { name: 'a' },
  'scenario.quarantine': { name: 'a' },
  'scenario.quarantineFile': { name: 'a', id: 'b', root: 0, path: 'c' },
  'scenario.quarantineReturn': { name: 'a', id: 'b', root: 0, path: 'c' },
  'scenario.quarantineExtract': { name: 'a', id: 'b', to: '/c' },
  'scenario.quarantineDiscard': { name: 'a', id: 'b' },
  'scenario.shadow': { name: 'a', on: true },
  'peer.shadow': { scenarioId: 'a'.repeat(32), on: true },
  'peer.alive': { scenarioId: 'a'.repeat(32) },
  'peer.sites': { scenarioId: 'a'.repeat(32) },
  'peer.redirection': { document: {} },
  'witness.ask': { scenarioId: 'a'.repeat(32), hosts: ['a', 'b'], leaseMs: 1000, marginMs: 100, question: {} },
  'witness.look': {},
  'peer.arbiter': { kind: 'witness', addresses: ['a:1'] },
  'peer.standing': { scenarioId: 'a'.repeat(32) },
  'peer.shares': {},
  'peer.fencing': { script: 'off.sh', scenario: 'a', other: { name: 'alpha', address: 'alpha:25000' } },
  'peer.roleWord': { scenarioId: 'a'.repeat(32), word: {} },
  'peer.switchover': { scenarioId: 'a'.repeat(32) },
  'peer.switchSide': { scenarioId: 'a'.repeat(32) },
  'peer.success': { scenarioId: 'a'.repeat(32), id: 'b' },
  'peer.forkPoint': { scenarioId: 'a'.repeat(32) },
  'peer.quarantineRead': { scenarioId: 'a'.repeat(32), id: 'b', root: 0, path: 'c', position: 0 },
  'peer.yield': { scenarioId: 'a'.repeat(32) },
  'peer.rootSides': { scenarioId: 'a'.repeat(32), places: [{ root: 0, path: 'c' }], text: true },
  'group.create': { name: 'a', scenarios: ['b'] },
  'group.show': { name: 'a' },
  'group.delete': { name: 'a' },
  'group.plan': { name: 'a' },
  'group.switchover': { name: 'a' },
  'peer.group': { name: 'a', revision: 1 },
  'scenario.restore': { name: 'a', method: 'master' },
  'scenario.undo': { name: 'a' },
  'peer.bookmark': { scenarioId: 'a', seq: 1, text: 'b' },
  'peer.rehearse': { scenarioId: 'a', action: 'run', trigger: 'demand' },
  'scenario.journal': { name: 'a' },
  'peer.journal': { scenarioId: 'a' },
  'peer.points': { scenarioId: 'a', filter: {} },
  'peer.restore': { scenarioId: 'a', document: {}, method: 'master', sync: 'block' },
  'peer.recoveryLook': { scenarioId: 'a', id: 'b' },
  'peer.recoveryControl': { scenarioId: 'a', id: 'b', action: 'stop' },
  'peer.undo': { scenarioId: 'a' },
  'reports.create': { name: 'web' },
  'reports.show': { id: 'a' },
  'peer.facts': { scenarioId: 'a', paths: [], spool: 'tmp' },
  'peer.prepare': { document: {}, epoch: 1 },
  'peer.stop': { scenarioId: 'a', reason: 'b' },
  'peer.parked': { scenarioId: 'a', action: 'list' },
  'peer.forget': { scenarioId: 'a' },
  'peer.compare': { document: {}, epoch: 1, on: true },
  'peer.relayStatus': { scenarioId: 'a' },
  'peer.relayBarrier': { scenarioId: 'a', timeoutMs: 1, behind: ['b'] },
  'peer.relayDiff': { scenarioId: 'a', ignoreSame: true },
  'peer.relaySuspend': { scenarioId: 'a', replica: 'b', suspended: true },
  'peer.relayParked': { scenarioId: 'a', action: 'list' },
  'peer.relayVerify': { document: {} },
};

interface Rig {
  readonly dispatcher: Dispatcher;
  readonly clock: SimulatedClock;
  readonly ran: string[];
  readonly audited: string[];
  readonly defects: string[];
}

function rig(handlers?: CommandHandlers, auditFails = false): Rig {
  const clock = new SimulatedClock();
  const ran: string[] = [];
  const audited: string[] = [];
  const defects: string[] = [];
  const every = Object.fromEntries(NAMES.map((name) => [name, () => ran.push(name)])) as CommandHandlers;
  const dispatcher = new Dispatcher({
    handlers: handlers ?? every,
    clock,
    audit: {
      begin: (session, command) => {
        if (auditFails) throw new Fault('AUDIT-FAILED', { reason: 'disk full' });
        return audited.push(`${session.deviceName} ${command}`);
      },
      finished: (of, outcome) => void audited.push(`${of} ${outcome}`),
    },
    onDefect: (command) => void defects.push(command),
  });
  return { dispatcher, clock, ran, audited, defects };
}

function sessionOf(role: SessionRole, deviceId = 'd'.repeat(64)): Session {
  return { role, deviceId, deviceName: role, address: '127.0.0.1:1' };
}

let ids = 0;
function envelope(command: string, args: unknown = ARGS[command] ?? {}, id?: string) {
  ids += 1;
  return { id: id ?? `request-${ids}`, command, args };
}

const code = (reply: Reply) => (reply.ok ? 'ok' : reply.fault.code);

for (const role of ROLES) {
  test(`role ${role}: only its commands reach a handler`, async (t) => {
    for (const command of NAMES) {
      const { dispatcher, ran } = rig();
      const needed = COMMANDS[command].role as SessionRole;
      const isMachine = (one: SessionRole) => one === 'peer' || one === 'witness';
      const rank = (one: SessionRole) => ['view', 'control', 'admin', 'super'].indexOf(one);
      const expected = isMachine(role) || isMachine(needed) ? role === needed : rank(role) >= rank(needed);
      const reply = await dispatcher.dispatch(sessionOf(role), 'c', envelope(command));
      t.is(code(reply), expected ? 'ok' : 'ACCESS-DENIED', `${role} ${command}`);
      t.deepEqual(ran, expected ? [command] : [], `${role} ${command}`);
    }
  });
}

test('unknown commands, also names every object has, are refused', async (t) => {
  const { dispatcher } = rig();
  for (const command of ['nonsense', '', 'constructor', '__proto__', 'toString', 'hasOwnProperty']) {
    t.is(code(await dispatcher.dispatch(sessionOf('super'), 'c', envelope(command))), 'COMMAND-UNKNOWN', command);
  }
});

test('what is not an envelope is refused', async (t) => {
  const { dispatcher, ran } = rig();
  const good = envelope('daemon.info');
  const bad: unknown[] = [
    undefined,
    null,
    7,
    'daemon.info',
    [],
    [good],
    {},
    { ...good, id: 'short' },
    { ...good, id: 'x'.repeat(65) },
    { ...good, id: 12345678 },
    { ...good, command: { toString: 'x' } },
    { ...good, extra: 1 },
  ];
  for (const payload of bad) {
    t.is(code(await dispatcher.dispatch(sessionOf('super'), 'c', payload)), 'COMMAND-INVALID', JSON.stringify(payload));
  }
  t.deepEqual(ran, []);
});

test('arguments outside the catalogue never reach a handler', async (t) => {
  const { dispatcher, ran } = rig();
  const bad: [CommandName, unknown][] = [
    ['scenario.run', {}],
    ['scenario.run', { name: 'a', sync: 'magic' }],
    ['scenario.run', { name: 'x'.repeat(101) }],
    ['scenario.run', { name: 'a', extra: true }],
    ['events.query', { limit: 1e9 }],
    ['pair.invite', { role: 'root' }],
    ['peer.facts', { scenarioId: 'a', paths: Array(256).fill('/'), spool: 'tmp' }],
    ['daemon.info', 'text'],
  ];
  for (const [command, args] of bad) {
    const role = COMMANDS[command].role === 'peer' ? 'peer' : 'super';
    t.is(code(await dispatcher.dispatch(sessionOf(role), 'c', envelope(command, args))), 'COMMAND-INVALID', command);
  }
  t.deepEqual(ran, []);
});

test('a handler sees the defaults of the catalogue', async (t) => {
  let seen: unknown;
  const { dispatcher } = rig({
    'scenario.run': (args) => {
      seen = args;
    },
  });
  await dispatcher.dispatch(sessionOf('control'), 'c', envelope('scenario.run', { name: 'a' }));
  t.deepEqual(seen, { name: 'a', sync: 'file', ignoreSame: true, acknowledgeWarnings: false });
});

test('a changing request that is repeated runs once and is answered alike, also while the first still runs', async (t) => {
  let runs = 0;
  let finish = () => {};
  const { dispatcher } = rig({
    'scenario.stop': () => {
      runs += 1;
      return new Promise((resolve) => {
        finish = () => resolve({ state: 'stopped' });
      });
    },
  });
  const request = envelope('scenario.stop');
  const first = dispatcher.dispatch(sessionOf('control'), 'c1', request);
  const second = dispatcher.dispatch(sessionOf('control'), 'c2', request);
  await Promise.resolve();
  finish();
  t.deepEqual(await first, { ok: true, result: { state: 'stopped' } });
  t.deepEqual(await second, await first);
  t.deepEqual(await dispatcher.dispatch(sessionOf('control'), 'c1', request), await first);
  t.is(runs, 1);
});

test('the same id runs again for another device and after a minute, and is refused for another request', async (t) => {
  const { dispatcher, ran, clock } = rig();
  const request = envelope('scenario.stop');
  await dispatcher.dispatch(sessionOf('control'), 'c', request);
  await dispatcher.dispatch(sessionOf('control', 'e'.repeat(64)), 'c', request);
  t.is(ran.length, 2);
  const other = { ...request, args: { name: 'b' } };
  t.is(code(await dispatcher.dispatch(sessionOf('control'), 'c', other)), 'COMMAND-INVALID');
  clock.advance(60_001);
  await dispatcher.dispatch(sessionOf('control'), 'c', request);
  t.is(ran.length, 3);
});

test('every changing command is audited before it runs, with its outcome; looking is not', async (t) => {
  for (const command of NAMES) {
    const { dispatcher, audited } = rig();
    const role = COMMANDS[command].role === 'peer' ? 'peer' : 'super';
    await dispatcher.dispatch(sessionOf(role), 'c', envelope(command));
    t.deepEqual(audited, isChanging(command) ? [`${role} ${command}`, '1 ok'] : [], command);
  }
  t.true(isChanging('scenario.delete') && isChanging('pair.invite') && isChanging('peer.prepare'));
  t.false(isChanging('scenario.diff') || isChanging('scenario.verify') || isChanging('peer.facts'));
});

test('when the audit log cannot be written nothing is changed, and looking still works', async (t) => {
  const { dispatcher, ran } = rig(undefined, true);
  t.is(code(await dispatcher.dispatch(sessionOf('super'), 'c', envelope('scenario.delete'))), 'AUDIT-FAILED');
  t.is(code(await dispatcher.dispatch(sessionOf('super'), 'c', envelope('scenario.list'))), 'ok');
  t.deepEqual(ran, ['scenario.list']);
});

test('a fault keeps its code; a defect becomes INTERNAL and is reported', async (t) => {
  const { dispatcher, defects, audited } = rig({
    'scenario.stop': () => {
      throw new Fault('SCENARIO-NOT-FOUND', { name: 'a' });
    },
    'scenario.run': () => Promise.reject(new TypeError('oops')),
  });
  t.is(code(await dispatcher.dispatch(sessionOf('control'), 'c', envelope('scenario.stop'))), 'SCENARIO-NOT-FOUND');
  t.is(code(await dispatcher.dispatch(sessionOf('control'), 'c', envelope('scenario.run'))), 'INTERNAL');
  t.deepEqual(defects, ['scenario.run']);
  t.deepEqual(audited.slice(1, 2), ['1 SCENARIO-NOT-FOUND']);
});

test('a connection that asks too fast is slowed down, others are not', async (t) => {
  const { dispatcher, clock } = rig();
  const burst: Reply[] = [];
  for (let n = 0; n < 250; n += 1) {
    burst.push(await dispatcher.dispatch(sessionOf('view'), 'c1', envelope('daemon.info')));
  }
  t.is(burst.filter((reply) => code(reply) === 'ok').length, 200);
  t.is(burst.filter((reply) => code(reply) === 'ACCESS-RATE').length, 50);
  t.is(code(await dispatcher.dispatch(sessionOf('view'), 'c2', envelope('daemon.info'))), 'ok');
  clock.advance(1_000);
  t.is(code(await dispatcher.dispatch(sessionOf('view'), 'c1', envelope('daemon.info'))), 'ok');
});

test('a connection cannot have more than 32 requests under way', async (t) => {
  const finish: (() => void)[] = [];
  const { dispatcher } = rig({ 'scenario.barrier': () => new Promise<void>((resolve) => finish.push(resolve)) });
  const asked = Array.from({ length: 40 }, () =>
    dispatcher.dispatch(sessionOf('view'), 'c', envelope('scenario.barrier')),
  );
  const refused = await Promise.all(asked.slice(32));
  t.deepEqual(new Set(refused.map(code)), new Set(['ACCESS-RATE']));
  for (const one of finish) one();
  t.true((await Promise.all(asked.slice(0, 32))).every((reply) => reply.ok));
  const again = dispatcher.dispatch(sessionOf('view'), 'c', envelope('scenario.barrier'));
  await Promise.resolve();
  finish.at(-1)?.();
  t.is(code(await again), 'ok');
});
