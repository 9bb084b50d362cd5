import test from 'ava';
import { parseDaemonSettings } from '../../config/daemon-settings.ts';

test('the settings file of an engine takes comments and names what is wrong', (t) => {
  t.deepEqual(parseDaemonSettings('{ // here\n "engine.name": "web-01", }'), { 'engine.name': 'web-01' });
  t.regex(t.throws(() => parseDaemonSettings('{"engine.nmae": 1}'))?.message ?? '', /did you mean "engine.name"/);
  t.regex(t.throws(() => parseDaemonSettings('{"engine.listen": "x"}'))?.message ?? '', /host:port/);
  t.regex(t.throws(() => parseDaemonSettings('{'))?.message ?? '', /file.*not JSON/);
  t.regex(t.throws(() => parseDaemonSettings('[]'))?.message ?? '', /object/);
});
