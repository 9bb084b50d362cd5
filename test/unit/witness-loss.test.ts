/** The register of a witness over kills, full and failing disks and a directory that is gone. */
import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { DurableStateFile } from '../../daemon/platform/node/state-file.ts';
import type { StateFile } from '../../daemon/ports.ts';
import type { Session } from '../../daemon/services.ts';
import type { WitnessAnswer } from '../../daemon/witness/machine.ts';
import { WitnessService } from '../../daemon/witness/service.ts';
import { Fault } from '../../shared/faults.ts';
import { temporaryDirectories } from '../contract/temporary.ts';
import { SimulatedClock } from '../memory/clock.ts';
import { MemoryStateFile } from '../memory/state-file.ts';

temporaryDirectories.removeAfterAll();

const LEASE_MS = 1_000;
const MARGIN_MS = 200;
const HELD = { type: 'renew', epoch: { number: 1, holder: 'a' }, held: true };
const WANTED = { type: 'request', host: 'b', above: 1 };

class Lab {
  readonly clock = new SimulatedClock();
  readonly file: StateFile;
  service: WitnessService;

  constructor(file: StateFile) {
    this.file = file;
    this.service = this.restarted();
  }

  restarted(): WitnessService {
    this.service = new WitnessService({ clock: this.clock, openFile: () => this.file });
    return this.service;
  }

  ask(deviceId: 'a' | 'b', question: Record<string, unknown>): WitnessAnswer {
    const session: Session = { role: 'peer', deviceId, deviceName: deviceId, address: '' };
    const args = { scenarioId: '0'.repeat(32), hosts: ['a', 'b'], leaseMs: LEASE_MS, marginMs: MARGIN_MS, question };
    return this.service.handlers()['witness.ask']!(args, session) as WitnessAnswer;
  }

  /** A holds epoch 1 since this moment. */
  begin(): this {
    this.ask('a', HELD);
    this.clock.advance(LEASE_MS + MARGIN_MS);
    if (!this.ask('a', HELD).granted) throw new Error('the first lease was not given');
    return this;
  }

  /** B is refused while A may have a lease from just before, and then is not. */
  takesOverInTime(): boolean {
    const early = [0, LEASE_MS, MARGIN_MS - 1].map((ms) => {
      this.clock.advance(ms);
      return this.ask('b', WANTED).granted;
    });
    this.clock.advance(1);
    return early.every((granted) => !granted) && this.ask('b', WANTED).granted;
  }
}

function onDisk(): { readonly path: string; readonly lab: Lab } {
  const path = join(temporaryDirectories.make(), 'register');
  return { path, lab: new Lab(new DurableStateFile(path)).begin() };
}

test('killed after every step of writing a grant, the witness knows the old holder or the new one, and grants to nobody else in time', (t) => {
  const { path, lab } = onDisk();
  const before = readFileSync(path);
  lab.clock.advance(LEASE_MS + MARGIN_MS);
  t.true(lab.ask('b', WANTED).granted);
  const after = readFileSync(path);
  // The temporary file is begun, every length of it is there, it is whole and flushed: the name still has the old content.
  for (let length = 0; length <= after.length; length += 1) {
    writeFileSync(path, before);
    writeFileSync(`${path}.tmp`, after.subarray(0, length));
    lab.restarted();
    t.false(lab.ask('a', HELD).granted, `${length}: nothing is renewed while B may have what was granted`);
    t.deepEqual(lab.ask('a', HELD).epoch, HELD.epoch);
    lab.clock.advance(LEASE_MS + MARGIN_MS);
    t.true(lab.ask('a', HELD).granted, `${length}`);
  }
  // Renamed; whether the directory was flushed is one of these two contents after a power loss.
  writeFileSync(path, after);
  lab.restarted();
  lab.clock.advance(LEASE_MS + MARGIN_MS);
  t.deepEqual(lab.ask('a', HELD), { granted: false, epoch: { number: 2, holder: 'b' } });
});

test('whatever byte of the register is wrong or missing, nobody is granted anything while another may hold a lease', (t) => {
  const { path, lab } = onDisk();
  const whole = readFileSync(path);
  for (let at = 0; at < whole.length; at += 1) {
    for (const spoil of ['byte', 'length'] as const) {
      const bytes = Buffer.from(whole);
      bytes[at]! ^= 0x10;
      writeFileSync(path, bytes);
      if (spoil === 'length') {
        writeFileSync(path, whole);
        truncateSync(path, at);
      }
      lab.restarted();
      t.true(lab.takesOverInTime(), `${spoil} ${at}`);
    }
  }
});

test('a witness whose directory is gone does not give the other host what the active one holds', (t) => {
  const { path, lab } = onDisk();
  rmSync(path);
  lab.restarted();
  t.true(lab.takesOverInTime());
});

test('a witness whose directory is gone goes on with the host that holds the highest epoch, not with the first that asks', (t) => {
  const { path, lab } = onDisk();
  lab.clock.advance(LEASE_MS + MARGIN_MS);
  t.true(lab.ask('b', WANTED).granted);
  rmSync(path);
  lab.restarted();
  t.false(lab.ask('a', { type: 'renew', epoch: { number: 1, holder: 'a' } }).granted);
  t.deepEqual(lab.ask('a', HELD).epoch, HELD.epoch);
  const own = { type: 'renew', epoch: { number: 2, holder: 'b' }, held: true };
  t.deepEqual(lab.ask('b', own).epoch, own.epoch);
  lab.clock.advance(LEASE_MS + MARGIN_MS);
  t.deepEqual(lab.ask('a', HELD), { granted: false, epoch: own.epoch });
  t.true(lab.ask('b', own).granted);
});

test('after a flush that failed the witness answers nothing before it is started again, and then waits', (t) => {
  const file = new MemoryStateFile();
  const lab = new Lab(file).begin();
  lab.clock.advance(LEASE_MS + MARGIN_MS);
  file.afterSave = () => {
    throw new Fault('FS-IO', { path: 'memory', reason: 'EIO' });
  };
  t.throws(() => lab.ask('b', WANTED), { instanceOf: Fault });
  file.afterSave = () => {};
  t.throws(() => lab.ask('a', HELD), { instanceOf: Fault }, 'the disk may say that B holds it');
  lab.restarted();
  lab.clock.advance(LEASE_MS + MARGIN_MS);
  t.deepEqual(lab.ask('a', HELD), { granted: false, epoch: { number: 2, holder: 'b' } });
});

test('without room for a grant the holder keeps being renewed, and the next question after there is room is granted', (t) => {
  const file = new MemoryStateFile();
  const lab = new Lab(file).begin();
  lab.clock.advance(LEASE_MS + MARGIN_MS);
  file.beforeSave = () => {
    throw new Fault('FS-FULL', { path: 'memory' });
  };
  t.throws(() => lab.ask('b', WANTED), { instanceOf: Fault });
  t.true(lab.ask('a', HELD).granted);
  file.beforeSave = () => {};
  lab.clock.advance(LEASE_MS + MARGIN_MS);
  t.true(lab.ask('b', WANTED).granted);
});
