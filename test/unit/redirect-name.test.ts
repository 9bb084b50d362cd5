/** Switch Computer Name: what each host is called in both directions, and what becomes of a rename that does not hold. */
import test from 'ava';
import { type ComputerName, ComputerNameRedirection, type ComputerNames } from '../../daemon/redirect/computer-name.ts';
import type { PlannedComputerName } from '../../daemon/redirect/plan.ts';

const PLAN: PlannedComputerName = { kind: 'computer-name', activeName: 'fs01', standbyName: 'fs01-XO', reboot: false };

/** A computer; `take` is what the system makes of a name that is set. */
class Computer implements ComputerName {
  names: ComputerNames;
  take: (names: ComputerNames) => ComputerNames = (names) => names;

  constructor(running: string, configured = running) {
    this.names = { running, configured };
  }

  unavailable(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  read(): Promise<ComputerNames> {
    return Promise.resolve(this.names);
  }

  async set(names: ComputerNames): Promise<void> {
    this.names = this.take(names);
  }
}

function redirection(computer: ComputerName, plan: Partial<PlannedComputerName> = {}) {
  return new ComputerNameRedirection('alpha', { ...PLAN, ...plan }, computer);
}

test('the Master is called <name>-XO, and has its name again after the way back; a domain stays', async (t) => {
  const computer = new Computer('fs01.corp.test');
  const master = redirection(computer);
  t.is((await master.readBack()).clients, 'here');
  const released = await master.apply('release');
  t.like(released, { changed: true, state: { clients: 'elsewhere' } });
  t.regex(released.remarks.join(), /know this computer as fs01\.corp\.test until/);
  t.deepEqual(computer.names, { running: 'fs01-XO.corp.test', configured: 'fs01-XO.corp.test' });
  t.false((await master.apply('release')).changed, 'again changes nothing');
  t.like(await master.apply('acquire'), { changed: true, state: { clients: 'here' } });
  t.like(await master.revert(), { changed: true, state: { clients: 'elsewhere' } });
  t.false((await master.revert()).changed);
});

test('a computer that gives the name up and never had it keeps its own', async (t) => {
  const computer = new Computer('spare-old');
  t.false((await redirection(computer, { standbyName: 'spare' }).apply('release')).changed);
  t.is(computer.names.running, 'spare-old');
});

test('a name that would be back after a boot is seen, and finished by the next attempt', async (t) => {
  const computer = new Computer('fs01-XO', 'FS01');
  const master = redirection(computer);
  t.is((await master.readBack()).clients, 'mixed');
  t.like(await master.apply('release'), { changed: true, state: { clients: 'elsewhere' }, remarks: [] });
  t.deepEqual(computer.names, { running: 'fs01-XO', configured: 'fs01-XO' });
});

test('a rename that does not hold fails and is taken back', async (t) => {
  const computer = new Computer('fs01');
  computer.take = (names) => (names.running === 'fs01' ? names : { ...names, running: 'localhost' });
  const fault = await t.throwsAsync(redirection(computer).apply('release'), {
    message:
      'Switch Computer Name failed: it is called localhost, and fs01-XO after a boot, instead of fs01-XO; it is called fs01 again.',
  });
  t.is((fault as { code?: string }).code, 'REDIRECT-FAILED');
  t.deepEqual(computer.names, { running: 'fs01', configured: 'fs01' });

  const stubborn = new Computer('fs01');
  stubborn.take = () => ({ running: 'localhost', configured: 'fs01' });
  await t.throwsAsync(redirection(stubborn).apply('release'), { message: /could not be taken back/ });
});

test('names that no computer can have are found before a switchover', async (t) => {
  const codes = async (plan: Partial<PlannedComputerName>) =>
    (await redirection(new Computer('fs01'), plan).check()).map(({ code }) => code);
  t.deepEqual(await codes({}), []);
  t.deepEqual(await codes({ activeName: '10' }), ['NAME-INVALID']);
  t.deepEqual(await codes({ activeName: 'fs_01' }), ['NAME-INVALID']);
  t.deepEqual(await codes({ activeName: '-fs01' }), ['NAME-INVALID']);
  t.deepEqual(await codes({ activeName: 'file-server-of-berlin' }), ['NAME-LONG']);
  t.deepEqual(await codes({ standbyName: 'FS01' }), ['NAME-SAME']);
});

test('a dry run names both names and the restart', (t) => {
  const names = redirection(new Computer('fs01'), { reboot: true });
  t.deepEqual(names.describe('release'), [
    'Computer name: this computer becomes fs01-XO if it is called fs01, now and after a boot',
    'Computer name: this computer is restarted when the switchover is over',
  ]);
  t.is(names.describe('acquire').length, 1, 'only the host that handed over');
});
