/** Every kind of metadata a Linux file can have arrives on the Replica, in a synchronization and live. */
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, linkSync, mkdirSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { testNeeding } from '../runner/needing.ts';
import { Pair } from './rig.ts';

function run(program: string, ...args: string[]): void {
  execFileSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** `name` and things beside it with every kind of metadata. */
function decorate(root: string, name: string): void {
  const at = (...parts: string[]): string => join(root, name, ...parts);
  mkdirSync(at('inside'), { recursive: true });
  // Bytes that are no UTF-8, composed and decomposed, names that other systems reserve or take for one another.
  for (const bytes of ['ff2e747874', '61cc88', 'c3a4', '6e6577 0a 6c696e65', '80']) {
    writeFileSync(Buffer.concat([Buffer.from(`${at()}/`), Buffer.from(bytes.replaceAll(' ', ''), 'hex')]), bytes);
  }
  for (const file of [
    'Case',
    'case',
    'CON',
    'aux.txt',
    'trailing dot.',
    'trailing space ',
    'a:b',
    'back\\slash',
    '*?<>|"',
  ])
    writeFileSync(at(file), file);
  for (const file of ['plain', 'acl', 'tagged', 'program', 'owned', 'linked', 'inside/inherits'])
    writeFileSync(at(file), file);
  linkSync(at('linked'), at('linked too'));
  symlinkSync('plain', at('link'));
  run('setfattr', '-n', 'user.colour', '-v', 'blue', at('tagged'));
  run('setfattr', '-n', 'user.binary', '-v', '0x00ff0a', at('tagged'));
  run('setfattr', '-n', 'user.on-both', '-v', 'x', at('linked'));
  run('setfattr', '-n', 'user.directory', '-v', 'yes', at('inside'));
  run('setfattr', '-h', '-n', 'trusted.link', '-v', 'mine', at('link'));
  run('setfacl', '-m', 'u:1234:rwx,g:4321:r--', at('acl'));
  run('setfacl', '-d', '-m', 'u:1234:r-x', at('inside'));
  writeFileSync(at('inside', 'made under a default list'), '');
  chownSync(at('program'), 1234, 4321);
  chmodSync(at('program'), 0o4755);
  // cap_net_bind_service=ep, version 2
  run('setfattr', '-n', 'security.capability', '-v', '0x0100000200040000000000000000000000000000', at('program'));
  chmodSync(at('program'), 0o6755);
  chownSync(at('owned'), 4321, 1234);
  chmodSync(at('inside'), 0o1777);
  run('touch', '-h', '-d', '2001-02-03 04:05:06.123456789 UTC', at('link'));
  run('touch', '-d', '1969-12-31 23:59:58.000000001 UTC', at('plain'));
  utimesSync(at('inside'), 1, 1_000_000_000.25);
}

testNeeding(
  'root',
  'setfattr',
  'setfacl',
)('Times, owners, modes, attributes and access lists of everything arrive and stay', async (t) => {
  const pair = await Pair.protectedPair({ settings: { 'replication.acl': true } }, (root) => decorate(root, 'before'));
  try {
    t.is(await pair.differences(), '', 'after the synchronization');
    decorate(pair.masterRoot, 'live');
    t.is(await pair.differences(), '', 'after live changes');
    const at = (...parts: string[]): string => join(pair.masterRoot, 'before', ...parts);
    run('setfattr', '-x', 'user.colour', at('tagged'));
    run('setfattr', '-n', 'user.colour', '-v', 'red', at('inside'));
    run('setfacl', '-b', at('acl'));
    run('setfacl', '-k', at('inside'));
    chmodSync(at('program'), 0o755);
    t.is(await pair.differences(), '', 'after attributes were changed and taken away');
    t.is((await pair.master.command('diff', pair.scenario, '--json')).code, 0, 'diff says identical');
  } finally {
    await pair.remove();
  }
});

testNeeding(
  'root',
  'setfattr',
  'setfacl',
)(
  'A Replica whose engine is not root gets every content; what it cannot set is told, kept aside and not sent again',
  async (t) => {
    const account = 65_534;
    const pair = await Pair.start({ settings: { 'replication.acl': true }, replicaAccount: account });
    try {
      decorate(pair.masterRoot, 'before');
      chmodSync(join(pair.masterRoot, 'before', 'inside'), 0o555);
      await pair.createScenario();
      const verified = await pair.master.command('verify', pair.scenario, '--json');
      t.is(verified.code, 7, 'warnings only');
      t.regex(verified.stdout, /"code":\s*"OWNER-RIGHTS"/);
      await pair.run();
      decorate(pair.masterRoot, 'live');
      await pair.barrier();
      run('diff', '-r', '--no-dereference', pair.masterRoot, pair.replicaRoot);
      t.is(statSync(join(pair.replicaRoot, 'live', 'owned')).uid, account);
      t.is(
        statSync(join(pair.replicaRoot, 'live', 'program')).mode & 0o7777,
        0o755,
        'no set-user-id with another owner',
      );
      const compared = await pair.master.command('diff', pair.scenario, '--json');
      t.is(compared.code, 0, compared.stdout);
      const { remarks } = JSON.parse(compared.stdout) as { remarks: { kind: string; what: string; count: number }[] };
      t.deepEqual(
        remarks.map(({ kind, what }) => `${kind} ${what}`),
        ['kept-aside mode', 'kept-aside owner', 'kept-aside extended attributes'],
      );
      t.regex((await pair.master.command('status', pair.scenario)).stdout, /metadata kept aside \(owner\): \d+ files/);
      const kept = (await pair.master.events()).filter(({ code }) => code === 'APL-006');
      t.true(kept.length > 0 && kept.length <= 3, `told ${kept.length} times`);

      // A restart knows what is kept aside: nothing differs and nothing is sent.
      await pair.stopScenario();
      await pair.replica.kill();
      await pair.replica.start();
      await pair.run();
      const again = await pair.master.command('diff', pair.scenario, '--json');
      t.is(again.code, 0, again.stdout);
      const reports = JSON.parse(await pair.master.must('reports', 'list', '--json')) as {
        reports: { id: string; kind: string }[];
      };
      const { id } = reports.reports.find(({ kind }) => kind === 'synchronization')!;
      const report = JSON.parse(await pair.master.must('reports', 'show', id, '--json')) as Record<string, number>;
      t.like(report, { sentFiles: 0, updated: 0, metadataOnly: 0, parked: 0 });
    } finally {
      await pair.remove();
    }
  },
);
