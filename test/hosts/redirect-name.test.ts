/** Switch Computer Name on a real kernel, in a namespace with a name of its own: this computer keeps its name. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { testNeeding } from '../runner/needing.ts';

const story = testNeeding('root', 'mount');
const HOLDER = fileURLToPath(new URL('./name-holder.js', import.meta.url));
const PLAN = { kind: 'computer-name', activeName: 'fs01', standbyName: 'fs01-XO', reboot: false };

/** What name-holder printed; `mounting` gives the namespace an /etc/hostname of its own, whose text is in the file `$1`. */
function inNamespace(folder: string, mounting: string): unknown[] {
  const script = `${mounting} && hostname fs01.corp.test && exec "$2" "$3" "$4"`;
  const args = ['--uts', '--mount', 'sh', '-ec', script, 'sh', folder, process.execPath, HOLDER, JSON.stringify(PLAN)];
  return JSON.parse(execFileSync('unshare', args, { encoding: 'utf8' })) as unknown[];
}

const MOUNTS = {
  'a file as on any computer': (folder: string) =>
    `mkdir "$1/upper" "$1/work" && cp "$1/given" "$1/upper/hostname" && mount -t overlay -o lowerdir=/etc,upperdir=${folder}/upper,workdir=${folder}/work overlay /etc`,
  'a file that is a mount, as in containers': () => 'mount --bind "$1/given" /etc/hostname',
};

for (const [kind, mounting] of Object.entries(MOUNTS))
  story(`a computer is renamed now and for its next boot, and gets its name back (${kind})`, (t) => {
    const own = [hostname(), readFileSync('/etc/hostname', 'utf8')];
    const folder = mkdtempSync('/dev/shm/redirect-name-');
    t.teardown(() => rmSync(folder, { recursive: true, force: true }));
    writeFileSync(join(folder, 'given'), '# of the rig\nfs01.corp.test\n');
    const active = ['fs01.corp.test', 'fs01.corp.test'];
    const standby = ['fs01-XO.corp.test', 'fs01-XO.corp.test'];
    t.deepEqual(inNamespace(folder, mounting(folder)), [
      [],
      'here',
      'elsewhere',
      standby,
      'here',
      active,
      'elsewhere',
      standby,
    ]);
    t.deepEqual([hostname(), readFileSync('/etc/hostname', 'utf8')], own);
    t.false(existsSync('/etc/hostname.mainstay'));
  });
