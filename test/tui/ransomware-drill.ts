/**
 * The ransomware drill as an operator lives it (FEATURES G): the console stands open in a real terminal over two real engines, files
 * are encrypted on the Master, the brake holds the Replica, and everything from the alert on is done with keys. Every key and every
 * screen an operator stops at is kept, with the time.
 */
import { execFileSync } from 'node:child_process';
import { createCipheriv, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import { DIALOG_GUARD_MS } from '../../tui/state.ts';
import { delay, mainstay, oracle, Pair } from '../hosts/rig.ts';
import { Terminal, type TerminalOptions } from './terminal.ts';

const PROGRAM = fileURLToPath(new URL('../../tui/cli/mainstay.js', import.meta.url));
const FOLDERS = 50;
/** From the alert to the preview of the data before it. */
const MOST_KEYS = 5;

export interface DrillOptions extends TerminalOptions {
  readonly files: number;
  /** The encryption takes so long, as evenly as it can; ms. */
  readonly waveMs: number;
  /** A restore of that many files may take so long, ms. */
  readonly patienceMs: number;
  /**
   * From the Run to the wave, ms. What changes within ten seconds after a Run's walk may be from before it and is not counted by the
   * brake, nor is what came within the last minute (decision 0046): the first copy is neither, where nothing changes meanwhile.
   */
  readonly settledMs: number;
}

interface Stop {
  readonly title: string;
  /** Since the first file was encrypted, ms; negative: before. */
  readonly atMs: number;
  /** Pressed since the stop before. */
  readonly keys: readonly string[];
  readonly screen: string;
}

export interface DrillRecord {
  readonly options: DrillOptions;
  readonly stops: readonly Stop[];
  readonly waveTookMs: number;
  /** From the first encrypted file to the alert on the screen. */
  readonly alertMs: number;
  /** From the alert to the preview, and with how many keys. */
  readonly previewMs: number;
  readonly previewKeys: number;
  /** From the last key of the confirmation to the result. */
  readonly restoreMs: number;
}

function fill(root: string, files: number): void {
  for (let n = 0; n < FOLDERS; n += 1) mkdirSync(join(root, `d${n}`), { recursive: true });
  for (let n = 0; n < files; n += 1) writeFileSync(pathOf(root, n), `page ${n}\n`.repeat(1 + (n % 40)));
}

const pathOf = (root: string, n: number): string => join(root, `d${n % FOLDERS}`, `page${n}.html`);

/** Each file is read, encrypted, written in place and renamed, as such programs do it. */
async function encrypt(root: string, { files, waveMs }: DrillOptions): Promise<number> {
  const started = performance.now();
  const key = randomBytes(32);
  for (let n = 0; n < files; n += 1) {
    const path = pathOf(root, n);
    const cipher = createCipheriv('aes-256-ctr', key, randomBytes(16));
    writeFileSync(path, Buffer.concat([cipher.update(readFileSync(path)), cipher.final()]));
    renameSync(path, `${path}.locked`);
    const due = started + (waveMs * (n + 1)) / files;
    if (due - performance.now() > 5) await delay(due - performance.now());
  }
  for (let n = 0; n < FOLDERS; n += 1) writeFileSync(join(root, `d${n}`, 'HOW_TO_GET_IT_BACK.txt'), 'send coins\n');
  return performance.now() - started;
}

async function profileOf(pair: Pair): Promise<string> {
  const profile = join(pair.top, 'profile', 'prod.json');
  for (const host of [pair.master, pair.replica]) {
    const { invite } = JSON.parse(await host.must('pair', 'invite', '--role', 'super', '--json')) as { invite: string };
    const result = await mainstay(['pair', 'accept', invite, '--profile', profile, '--json']);
    if (result.code !== 0) throw new Error(result.stderr);
  }
  return profile;
}

/** Writes down what was pressed and what was seen. */
class Operator {
  readonly stops: Stop[] = [];
  readonly terminal: Terminal;
  zero = Number.POSITIVE_INFINITY;
  #keys: string[] = [];

  constructor(terminal: Terminal) {
    this.terminal = terminal;
  }

  press(...keys: readonly string[]): void {
    this.#keys.push(...keys);
    this.terminal.press(...keys);
  }

  type(text: string): void {
    this.#keys.push(`"${text}"`);
    this.terminal.type(text);
  }

  /** A dialog is read before it is answered. */
  async read(): Promise<void> {
    await delay(DIALOG_GUARD_MS + 50);
  }

  /** Waits for what the operator looks for, and keeps the screen. */
  async stop(title: string, what: string | RegExp, patienceMs?: number): Promise<Stop> {
    const screen = await this.terminal.see(what, patienceMs);
    const stop = { title, atMs: performance.now() - this.zero, keys: this.#keys, screen };
    this.#keys = [];
    this.stops.push(stop);
    return stop;
  }
}

async function fromAlertToPreview(operator: Operator, waveMs: number): Promise<readonly [Stop, Stop]> {
  const alert = await operator.stop('The alert', /mass-change brake/, 20_000 + waveMs);
  operator.press('!');
  await operator.stop('Alerts', /NOW +CRIT/);
  operator.press('p');
  await operator.stop('The point right before it', />\d{4}-.*BOOKMARK +Before the mass change/);
  operator.press('Enter');
  return [
    alert,
    await operator.stop('Preview of what would come back', /\[Preview\][\s\S]*(comes back|changes back|renamed)/),
  ];
}

/** From the preview on: stop the scenario, rewind, back to the Master. */
async function bringBack(operator: Operator, patienceMs: number): Promise<readonly [Stop, Stop]> {
  operator.press('w');
  await operator.stop('Recovery method; the scenario still runs', 'shop is running; stop it first (x)');
  operator.press('x');
  await operator.terminal.see('Are you sure you want to stop scenario "shop"?');
  await operator.read();
  operator.press('y');
  await operator.stop('Stopped', 'The Replica is set back to a moment you pick', patienceMs);
  operator.press('Enter');
  await operator.stop('The point is still chosen', /\[Point\][\s\S]*>\d{4}-.*BOOKMARK +Before the mass change/);
  operator.press('Enter');
  await operator.terminal.see('(*) Block Synchronization');
  await operator.read();
  operator.press('Enter');
  await operator.stop('What it does, and the question', /What was made since then goes: [\d,]+ entries/, patienceMs);
  operator.type('shop');
  await operator.terminal.see('[>Restore<]');
  await operator.read();
  operator.press('Enter');
  const begun = await operator.stop('Progress', /Rewinding the Replica|Synchronizing back|Finishing|\[Result\]/);
  const done = await operator.stop('Result', 'Rewind process is completed successfully', patienceMs);
  operator.press('R');
  await operator.stop('Its report', /> .*Synchronization +completed/);
  operator.press('Escape', 'Escape');
  await operator.terminal.see('[Result]');
  return [begun, done];
}

/** The whole drill; fails when anything an operator must see is not there, or anything did not come back. */
export async function drill(t: ExecutionContext, options: DrillOptions): Promise<DrillRecord> {
  const pair = await Pair.start({ scenario: 'shop' });
  const terminal = new Terminal(options);
  try {
    fill(pair.masterRoot, options.files);
    const good = join(pair.top, 'good');
    execFileSync('cp', ['-a', pair.masterRoot, good]);
    await pair.createScenario();
    await pair.master.must('scenario', 'set', 'shop', 'recovery.dataRewind@beta=on');
    await pair.run();
    await delay(options.settledMs);
    const profile = await profileOf(pair);
    await terminal.see(/[#$] *$/m);
    terminal.command(`${process.execPath} ${PROGRAM} console --profile ${profile}; echo "left with $?"`);
    await terminal.see('hosts 2/2');
    const operator = new Operator(terminal);
    await operator.stop('A quiet day', /shop +\[RUN \] +protected/);

    operator.zero = performance.now();
    const wave = encrypt(pair.masterRoot, options);
    const [alert, preview] = await fromAlertToPreview(operator, options.waveMs);
    const keys = operator.stops.slice(operator.stops.indexOf(alert) + 1).flatMap((stop) => stop.keys);
    t.true(keys.length <= MOST_KEYS, keys.join(' '));
    const waveTookMs = await wave;
    const [begun, done] = await bringBack(operator, options.patienceMs);
    t.is(await oracle(good, pair.masterRoot), '', 'the Master has everything back');
    t.is(await oracle(good, pair.replicaRoot), '');
    terminal.press('Escape', 'q');
    await terminal.see(/^left with 0/m);
    await pair.run();
    t.is(await pair.differences(), '');
    return {
      options,
      stops: operator.stops,
      waveTookMs,
      alertMs: alert.atMs,
      previewMs: preview.atMs - alert.atMs,
      previewKeys: keys.length,
      restoreMs: done.atMs - begun.atMs,
    };
  } finally {
    terminal.close();
    await pair.remove();
  }
}
