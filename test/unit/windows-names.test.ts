/** Every name of the other systems has a name on Windows, and comes back as it was. */
import test from 'ava';
import * as fc from 'fast-check';
import { decodeWindowsName, encodeWindowsName } from '../../daemon/platform/windows/names.ts';
import { Fault } from '../../shared/faults.ts';
import { PROPERTY_SETTINGS } from '../runner/property-settings.ts';

fc.configureGlobal(PROPERTY_SETTINGS);

const FORBIDDEN = /[\u0000-\u001f<>:"/|?*\\]|[. ]$|^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;

test('plain names stay as they are', (t) => {
  for (const name of ['index.html', 'Ünïcödé 文.txt', '.htaccess', 'a b', 'console', 'com10', '\u{1F600}']) {
    t.is(encodeWindowsName(name), name);
    t.is(decodeWindowsName(name), name);
  }
});

test('what Windows forbids is escaped visibly the same way as by its own Linux subsystem', (t) => {
  t.is(encodeWindowsName('a:b'), 'a\uf03ab');
  t.is(encodeWindowsName('back\\slash'), 'back\uf05cslash');
  t.is(encodeWindowsName('dot.'), 'dot\uf02e');
  t.is(encodeWindowsName('NUL.txt'), '\uf04eUL.txt');
  t.is(encodeWindowsName('raw\udcff'), 'raw\uf1ff');
});

test('any name comes back as it was and is allowed on Windows', (t) => {
  const awkward = fc.constantFrom(
    ...'<>:"|?*\\. \u0001\u001f\uf0ff\uf03a\uf1ff\uf000\uf17f\udc80\udcffaA1'.split(''),
    'con',
    'NUL',
    'com1',
    'LPT9',
    'ü',
    '\u{1F600}',
  );
  const names = fc.array(awkward, { minLength: 1, maxLength: 40 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(names, (name) => {
      const encoded = encodeWindowsName(name);
      return !FORBIDDEN.test(encoded) && encoded.isWellFormed() && decodeWindowsName(encoded) === name;
    }),
    { numRuns: 5000 },
  );
  t.pass();
});

test('different names never become the same name', (t) => {
  const parts = ['a', ':', '\uf03a', '\uf0ff', '.', '\uf02e', ' ', '\udcff', '\uf1ff'];
  const names = parts.flatMap((one) => parts.flatMap((two) => parts.map((three) => one + two + three)));
  t.is(new Set(names.map(encodeWindowsName)).size, new Set(names).size);
});

test('a name that does not fit is refused', (t) => {
  t.is((t.throws(() => encodeWindowsName('x'.repeat(256)), { instanceOf: Fault }) as Fault).code, 'PATH-NAME');
  t.is((t.throws(() => encodeWindowsName('\ud800'), { instanceOf: Fault }) as Fault).code, 'PATH-NAME');
});
