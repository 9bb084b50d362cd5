import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { z } from 'zod';
import { openDocument } from '../../daemon/store/documents.ts';
import { Fault } from '../../shared/faults.ts';

const schema = z.object({ names: z.array(z.string()) });
type Names = z.infer<typeof schema>;

function open(path: string, damaged: Fault[] = []) {
  return openDocument<Names>({ path, schema, initial: { names: [] }, onDamaged: (fault) => damaged.push(fault) });
}

function place(t: { teardown(run: () => void): void }): string {
  const directory = mkdtempSync(join(tmpdir(), 'network-documents-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return join(directory, 'names.json');
}

test('a change is on disk when update resolves, readable only by its owner', async (t) => {
  const path = place(t);
  const document = await open(path);
  t.deepEqual(document.value, { names: [] });
  await document.update((value) => value.names.push('a'));
  t.deepEqual(JSON.parse(readFileSync(path, 'utf8')), { names: ['a'] });
  t.is(statSync(path).mode & 0o777, 0o600);
  t.deepEqual((await open(path)).value, { names: ['a'] });
});

test('changes made at the same time are applied one after another', async (t) => {
  const path = place(t);
  const document = await open(path);
  await Promise.all(['a', 'b', 'c'].map((name) => document.update((value) => value.names.push(name))));
  t.deepEqual(document.value.names, ['a', 'b', 'c']);
  t.deepEqual((await open(path)).value.names, ['a', 'b', 'c']);
});

test('a change that throws leaves everything as it was, and later changes work', async (t) => {
  const path = place(t);
  const document = await open(path);
  await document.update((value) => value.names.push('a'));
  await t.throwsAsync(
    document.update((value) => {
      value.names.push('half');
      throw new Fault('USAGE', { reason: 'no' });
    }),
    { instanceOf: Fault },
  );
  t.deepEqual(document.value.names, ['a']);
  await document.update((value) => value.names.push('b'));
  t.deepEqual((await open(path)).value.names, ['a', 'b']);
});

test('when the disk refuses a write the value in memory does not run ahead of it', async (t) => {
  const path = place(t);
  const document = await open(path);
  await document.update((value) => value.names.push('a'));
  rmSync(join(path, '..'), { recursive: true });
  await t.throwsAsync(
    document.update((value) => value.names.push('lost')),
    { instanceOf: Fault, message: /does not exist/ },
  );
  t.deepEqual(document.value.names, ['a']);
});

test('a damaged document is set aside with its content and reported, every time anew', async (t) => {
  const path = place(t);
  for (const content of ['', '{"names": ["a"', '{"names": "a"}', '\0\0\0\0']) {
    writeFileSync(path, content);
    const damaged: Fault[] = [];
    t.deepEqual((await open(path, damaged)).value, { names: [] });
    t.is(damaged[0]?.code, 'STATE-DAMAGED');
    t.is(damaged[0]?.details.path, path);
  }
  const kept = readdirSync(join(path, '..')).filter((name) => name.includes('.damaged'));
  t.is(kept.length, 4);
  t.is(readFileSync(join(path, '..', 'names.json.damaged-2'), 'utf8'), '{"names": ["a"');
});
