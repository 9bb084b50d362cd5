import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import test from 'ava';
import { Audit, type AuditFile, checkChain, redact } from '../../daemon/access/audit.ts';
import type { Clock } from '../../daemon/ports.ts';
import type { Session } from '../../daemon/services.ts';
import { openAuditFile } from '../../daemon/store/audit-file.ts';
import { Fault } from '../../shared/faults.ts';

const clock: Clock = {
  wallMs: () => 1000,
  bootMs: () => 1000,
  after: () => {
    throw new Error('not used here');
  },
};
const session: Session = { role: 'admin', deviceId: 'ab'.repeat(32), deviceName: 'laptop', address: '10.0.0.9:5' };

function memoryFile(text = ''): AuditFile & { text: string; broken: boolean } {
  return {
    text,
    broken: false,
    read() {
      return this.text;
    },
    append(added) {
      if (this.broken) throw new Error('no space');
      this.text += added;
    },
    truncate(sizeBytes) {
      this.text = Buffer.from(this.text).subarray(0, sizeBytes).toString();
    },
  };
}

function threeCommands(file: AuditFile): void {
  const audit = new Audit(file, clock);
  for (const name of ['a', 'b', 'c']) {
    audit.finished(audit.begin(session, 'scenario.delete', `request-${name}`, { name }), 'ok');
  }
}

test('every command leaves a line before and after it, with who, from where and what', (t) => {
  const file = memoryFile();
  threeCommands(file);
  const check = checkChain(file.text);
  t.is(check.lines, 6);
  t.is(check.brokenAt, undefined);
  const [first, second] = file.text.split('\n').map((line) => (line === '' ? {} : JSON.parse(line)));
  t.like(first.entry, { kind: 'command', command: 'scenario.delete', deviceName: 'laptop', address: '10.0.0.9:5' });
  t.deepEqual(first.entry.args, { name: 'a' });
  t.like(second.entry, { kind: 'outcome', of: 1, outcome: 'ok' });
});

test('the chain goes on after a restart', (t) => {
  const file = memoryFile();
  threeCommands(file);
  threeCommands(file);
  t.like(checkChain(file.text), { lines: 12, lastN: 12, brokenAt: undefined });
});

test('an edited, removed or swapped line is found at its place', (t) => {
  const file = memoryFile();
  threeCommands(file);
  const lines = file.text.trimEnd().split('\n');
  const broken = (changed: string[]) => checkChain(`${changed.join('\n')}\n`).brokenAt;
  t.is(broken(lines.map((line, at) => (at === 2 ? line.replace('"b"', '"x"') : line))), 3);
  t.is(broken(lines.filter((_, at) => at !== 1)), 2);
  t.is(broken([lines[0]!, lines[2]!, lines[1]!, ...lines.slice(3)]), 2);
  t.is(broken(lines.map((line, at) => (at === 4 ? 'garbage' : line))), 5);
  t.is(new Audit(memoryFile(`${lines.slice(1).join('\n')}\n`), clock).brokenAt, 1);
});

test('a torn last line is cut and the cut is recorded', (t) => {
  const file = memoryFile();
  threeCommands(file);
  file.text = file.text.slice(0, -10);
  threeCommands(file);
  const check = checkChain(file.text);
  t.is(check.brokenAt, undefined);
  t.is(check.lines, 5 + 1 + 6);
  t.regex(file.text, /"kind":"recovered"/);
});

test('a command is refused when its line cannot be written, and the chain is whole afterwards', (t) => {
  const file = memoryFile();
  const audit = new Audit(file, clock);
  file.broken = true;
  t.like(
    t.throws(() => audit.begin(session, 'scenario.delete', 'request-1', {}), { instanceOf: Fault }),
    { code: 'AUDIT-FAILED' },
  );
  file.broken = false;
  audit.begin(session, 'scenario.delete', 'request-2', {});
  t.like(checkChain(file.text), { lines: 1, brokenAt: undefined });
});

test('secrets never reach the log, and long or deep arguments are cut', (t) => {
  t.deepEqual(redact({ invite: 'mainstay1:x', password: 'p', name: 'ok', sshKey: 'k' }), {
    invite: '[redacted]',
    password: '[redacted]',
    name: 'ok',
    sshKey: '[redacted]',
  });
  t.true((redact('x'.repeat(5000)) as string).length < 250);
  t.deepEqual(redact({ a: { b: { c: { d: { e: 1 } } } } }), { a: { b: { c: { d: '…' } } } });
});

test('the file is private and holds what was appended', (t) => {
  const directory = mkdtempSync(`${tmpdir()}/network-audit-`);
  t.teardown(() => rmSync(directory, { recursive: true }));
  const path = `${directory}/audit.jsonl`;
  const file = openAuditFile(path);
  threeCommands(file);
  file.close();
  t.is(statSync(path).mode & 0o777, 0o600);
  t.is(checkChain(readFileSync(path, 'utf8')).lines, 6);
});
