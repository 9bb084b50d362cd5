import test from 'ava';
import {
  defaultsOf,
  definitionOf,
  isSettingKey,
  keysOf,
  SETTING_KEYS,
  settingOf,
  validate,
  whyNotEditable,
} from '../../config/catalogue.ts';
import { describeLimits, readValue, showValue } from '../../config/value.ts';
import { Fault } from '../../shared/faults.ts';

function refusal(run: () => unknown): Fault {
  try {
    run();
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  throw new Error('was accepted');
}

test('every default is a valid value of its property and reads back as shown', (t) => {
  for (const key of SETTING_KEYS) {
    const definition = definitionOf(key);
    for (const form of [definition.default, showValue(definition, definition.default)]) {
      t.deepEqual(readValue(definition, form), { value: definition.default }, `${key} = ${JSON.stringify(form)}`);
    }
    for (const scope of definition.scopes) {
      t.deepEqual(validate({ [key]: definition.default }, scope), { [key]: definition.default });
    }
  }
});

test('every property can be read about: label, help, limits, a tab and a group', (t) => {
  for (const key of SETTING_KEYS) {
    const definition = definitionOf(key);
    t.true(definition.label.length > 2 && definition.help.length > 10 && definition.group.length > 2, key);
    t.true(/[.?]$/.test(definition.help), `${key}: the help is a sentence`);
    t.true(describeLimits(definition).length > 0, key);
    t.true(definition.type !== 'choice' || (definition.choices?.length ?? 0) > 0, key);
    if (/Ms$/.test(key)) t.is(definition.type, 'duration', key);
    if (/Bytes(PerSecond)?$/.test(key)) t.is(definition.type, 'bytes', key);
  }
});

test("the guide's defaults: heartbeat 30 s, timeout 5 min, both initiations manual, Data Rewind off, spool in tmp", (t) => {
  const scenario = defaultsOf('scenario');
  t.is(settingOf(scenario, 'isAlive.heartbeatMs'), 30_000);
  t.is(settingOf(scenario, 'isAlive.timeoutMs'), 300_000);
  t.is(settingOf(scenario, 'isAlive.ping'), true);
  t.is(settingOf(scenario, 'switchover.automatic'), false);
  t.is(settingOf(scenario, 'switchover.reverseAutomatic'), false);
  t.is(settingOf(scenario, 'synchronization.method'), 'file');
  t.is(settingOf(scenario, 'synchronization.ignoreSame'), true);
  t.is(settingOf(scenario, 'replication.mode'), 'online');
  t.is(settingOf(scenario, 'report.synchronization'), true);
  t.is(settingOf(undefined, 'recovery.dataRewind'), false);
  t.is(settingOf({}, 'recovery.delayMs'), 0);
  t.is(settingOf({}, 'spool.directory'), 'tmp');
  t.is(settingOf({}, 'redirect.reboot'), false);
});

test('values are taken as people write them and stored in one form', (t) => {
  t.deepEqual(validate({ 'spool.maxBytes': '20 GiB', 'spool.minFreeBytes': 0 }, 'replica'), {
    'spool.maxBytes': 20 * 1024 ** 3,
    'spool.minFreeBytes': 0,
  });
  t.deepEqual(validate({ 'synchronization.ignoreSame': 'off' }, 'scenario'), { 'synchronization.ignoreSame': false });
  t.deepEqual(validate({ 'synchronization.method': 'Block' }, 'scenario'), { 'synchronization.method': 'block' });
});

test('a wrong value is refused with the key, the reason and what is allowed', (t) => {
  const small = refusal(() => validate({ 'spool.maxBytes': '1 kB' }, 'master'));
  t.is(small.code, 'CONFIG-INVALID');
  t.is(small.details.key, 'spool.maxBytes');
  t.regex(small.message, /at least 16 MiB/);
  t.regex(refusal(() => validate({ 'isAlive.heartbeatMs': '30' }, 'scenario')).message, /"30 s"/);
  t.regex(refusal(() => validate({ 'isAlive.heartbeatMs': 30 }, 'scenario')).message, /30 ms.*100 ms/);
  t.regex(refusal(() => validate({ 'synchronization.method': 'skip' }, 'scenario')).message, /file, block/);
  t.regex(refusal(() => validate({ 'notify.email': ['nobody'] }, 'scenario')).message, /admin@example.org/);
  t.regex(refusal(() => validate({ 'success.arguments': ['a\u0000b'] }, 'scenario')).message, /control/);
});

test('an unknown or misplaced property says what was probably meant', (t) => {
  t.regex(refusal(() => validate({ 'spool.maxByte': 1 }, 'master')).message, /did you mean "spool.maxBytes"/);
  t.regex(refusal(() => validate({ heartbeatMs: 1 }, 'scenario')).message, /"isAlive.heartbeatMs"/);
  t.regex(refusal(() => validate({ 'recovery.dataRewind': true }, 'master')).message, /of: replica; not of: master/);
  t.regex(refusal(() => validate(JSON.parse('{"__proto__": 1}'), 'master')).message, /no such property/);
});

test('what has no effect in this version is refused, not silently accepted', (t) => {
  const refused = refusal(() => validate({ 'replication.shares': true }, 'scenario'));
  t.regex(refused.message, /no effect in this version.*share synchronization/);
  t.notThrows(() => validate({ 'replication.shares': false }, 'scenario'));
});

test('a property says why it cannot be changed now', (t) => {
  t.is(whyNotEditable('spool.maxBytes', 'protected'), 'Stop the scenario first.');
  t.is(whyNotEditable('spool.maxBytes', 'stopped'), undefined);
  t.is(whyNotEditable('synchronization.method', 'protected'), undefined);
  t.is(whyNotEditable('link.encryption', 'stopped'), 'Cannot be changed once the scenario is created.');
  t.regex(whyNotEditable('replication.shares', 'stopped') ?? '', /Not yet effective.*share synchronization/);
});

test('Master and Replica have the same spool, only the Replica has recovery, and all scopes are covered', (t) => {
  t.true(keysOf('master').includes('spool.maxBytes') && keysOf('replica').includes('spool.maxBytes'));
  t.false(keysOf('master').includes('recovery.dataRewind'));
  t.true(keysOf('host').includes('engine.listen'));
  t.is(isSettingKey('toString'), false);
});
