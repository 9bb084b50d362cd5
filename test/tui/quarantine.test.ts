/** The browser of quarantines: found on every host, read page by page, compared, extracted, and discarded only when it is meant. */
import test from 'ava';
import { Fault } from '../../shared/faults.ts';
import { whyDisabled } from '../../tui/keys.ts';
import { lineText } from '../../tui/present/line.ts';
import { quarantineSheet } from '../../tui/present/quarantine.ts';
import { type ConsoleState, topDialog } from '../../tui/state.ts';
import type { QuarantineDialog } from '../../tui/state-roles.ts';
import { update } from '../../tui/update.ts';
import {
  answerKept,
  COMPARED,
  items,
  quarantineDiscard,
  quarantineExtract,
  quarantineFile,
  quarantineList,
  quarantineOpen,
  quarantineReturn,
} from './quarantine-states.ts';
import { after, connected, fresh, keyPress, lost, press, type } from './states.ts';

const SIZE = { columns: 120, rows: 36 };
const ID = '20260701T110203Z-e8';

function dialogOf(state: ConsoleState): QuarantineDialog {
  const dialog = topDialog(state);
  if (dialog?.kind !== 'quarantine') throw new Error(`the browser is not open: ${dialog?.kind}`);
  return dialog;
}

function shown(state: ConsoleState): string {
  return quarantineSheet(dialogOf(state), 200, 60).content.map(lineText).join('\n');
}

function effectsOf(state: ConsoleState, name: string) {
  return update(state, keyPress(name, state.now + 1_000)).effects;
}

test('every connected host is asked without a name, so that quarantines of deleted scenarios are found too', (t) => {
  const state = connected(fresh(SIZE, ['web-01', 'web-02', 'old']), 'web-01', []);
  const both = lost(connected(state, 'web-02', []), 'old');
  const opened = update(type(press(both, ':'), 'quarantine'), keyPress('enter', both.now + 60_000));
  t.deepEqual(
    opened.effects.map((effect) => effect.type === 'request' && [effect.host, effect.command, effect.args]),
    [
      ['web-01', 'scenario.quarantine', {}],
      ['web-02', 'scenario.quarantine', {}],
    ],
  );
  t.regex(shown(opened.state), /! old was not asked/);
});

test('those of the selected scenario stand first, those of deleted ones say so', (t) => {
  const state = quarantineList(SIZE);
  t.deepEqual(
    dialogOf(state).heads.map(({ scenario }) => scenario),
    ['web-shop', 'legacy'],
  );
  t.regex(shown(state), /legacy \(deleted\)/);
});

test('a long one is fetched ahead of the cursor, each page once, and a late page of another filter is not taken', (t) => {
  const opened = quarantineOpen(SIZE);
  t.is(dialogOf(opened).opened?.items.length, 50);
  const moving = update(opened, keyPress('j', opened.now + 1_000));
  t.like(moving.effects[0], { command: 'scenario.quarantine', args: { name: 'web-shop', id: ID, from: 50 } });
  t.deepEqual(effectsOf(moving.state, 'j'), [], 'it is on its way already');
  const filtered = press(type(press(moving.state, '/'), 'order-4'), 'enter');
  t.is(dialogOf(filtered).opened?.filter, 'order-4');
  const late = answerKept(
    filtered,
    { kind: 'quarantine-page', id: ID, asked: 2, from: 0 },
    { items: items(45, 5), quarantines: [] },
  );
  t.is(dialogOf(late).opened?.items.length, 0, 'it answers what is not asked any more');
  const right = answerKept(
    late,
    { kind: 'quarantine-page', id: ID, asked: 3, from: 0 },
    { items: items(40, 3), quarantines: [] },
  );
  t.is(dialogOf(right).opened?.items.length, 3);
});

test('behind each page it is asked what has become of its items; what is not answered is not called the same', (t) => {
  const opened = press(quarantineList(SIZE), 'enter');
  const purpose = { kind: 'quarantine-page', id: ID, asked: 1, from: 0 } as const;
  const reply = {
    type: 'reply',
    host: 'web-01',
    purpose,
    outcome: { ok: true, result: { items: items(0, 3) } },
    at: opened.now,
  } as const;
  const page = update(opened, reply);
  t.like(page.effects[0], { command: 'scenario.quarantine', args: { id: ID, from: 0, compare: true } });
  const asked = { kind: 'quarantine-states', id: ID } as const;
  const strange = answerKept(page.state, asked, { items: items(0, 3), states: ['same'] });
  t.deepEqual(dialogOf(strange).opened?.states, {});
  const told = answerKept(page.state, asked, { items: items(0, 3), states: ['same', 'differs', 'odd'] });
  t.regex(shown(told), /same +orders.*order-0/);
  t.regex(shown(told), /DIFFERS +orders.*order-1/);
  t.regex(shown(told), /… +orders.*order-2/);
});

test('a file is shown with what differs on which host, and hostile content cannot leave its lines', (t) => {
  const text = shown(quarantineFile(SIZE));
  t.regex(text, /web-02: DIFFERS, file/);
  t.regex(text, /web-01: the same/);
  t.regex(text, /- <p>Closed<\/p>/);
  t.regex(text, /\+ <p>Open until 20:00<\/p>/);
  for (const state of [quarantineFile(SIZE), quarantineOpen(SIZE), press(quarantineOpen(SIZE), 'j', 'e')])
    t.notRegex(shown(state), /[\u001b\u0007\u202e]/);
});

test('a file that is gone, binary, or of a deleted scenario is told as what it is', (t) => {
  const asked = press(quarantineOpen(SIZE), 'enter');
  const purpose = { kind: 'quarantine-file', id: ID, path: 'index.html' } as const;
  const { kept: _kept, ...gone } = COMPARED;
  t.regex(shown(answerKept(asked, purpose, gone)), /it was gone there/);
  const { text: _text, ...bytes } = COMPARED.kept!;
  t.regex(shown(answerKept(asked, purpose, { ...COMPARED, kept: bytes })), /no text, or larger/);
  const alone = shown(answerKept(asked, purpose, { ...COMPARED, now: [] }));
  t.regex(alone, /scenario is deleted/);
  t.regex(alone, /Kept content/);
  const silent = { ...COMPARED, now: [{ host: 'web-02', same: false, unknown: 'no answer' }] };
  t.regex(shown(answerKept(asked, purpose, silent)), /web-02: unknown \(no answer\)/);
});

test('extraction writes what is under the cursor on the host that has it; a refusal stays with its reason', (t) => {
  const asked = quarantineExtract(SIZE);
  const [effect] = effectsOf(asked, 'enter');
  t.like(effect, {
    host: 'web-01',
    command: 'scenario.quarantineExtract',
    args: { name: 'web-shop', id: ID, to: `/var/tmp/web-shop-${ID}`, path: 'index.html' },
  });
  const done = { kind: 'quarantine-done', what: 'extract', id: ID } as const;
  const refused = answerKept(press(asked, 'enter'), done, new Fault('FS-EXISTS', { path: '/var/tmp/x' }));
  t.regex(shown(refused), /FS-EXISTS/);
  const over = answerKept(press(asked, 'enter'), done, { files: 12 });
  t.regex(over.toast?.text ?? '', /12 files extracted on the host/);
  t.is(dialogOf(over).question, undefined);
});

test('discarding takes the typed name of the scenario: no paste, no half of it, no early Enter', (t) => {
  const half = quarantineDiscard(SIZE);
  t.deepEqual(effectsOf(half, 'enter'), []);
  t.regex(shown(half), /60 changes, 4\.8 MB, that no other host has, are gone for good/);
  const pasted = after(press(quarantineOpen(SIZE), 'D'), { type: 'paste', text: 'web-shop', at: half.now });
  t.is(dialogOf(pasted).question?.field.text, '');
  const whole = type(half, 'shop');
  t.like(effectsOf(whole, 'enter')[0], { command: 'scenario.quarantineDiscard', args: { name: 'web-shop', id: ID } });
  const done = { kind: 'quarantine-done', what: 'discard', id: ID } as const;
  const told = update(press(whole, 'enter'), {
    type: 'reply',
    host: 'web-01',
    purpose: done,
    outcome: { ok: true, result: {} },
    at: whole.now + 2_000,
  });
  t.is(dialogOf(told.state).opened, undefined);
  t.is(told.effects.length, 2, 'the list is asked for anew');
});

test('putting a file back is asked of the active host, after the typed name, and the comparison is made anew', (t) => {
  const half = quarantineReturn(SIZE);
  t.regex(shown(half), /theirs|What they have now goes to quarantine/);
  t.deepEqual(effectsOf(half, 'enter'), []);
  const pasted = after(press(quarantineFile(SIZE), 't'), { type: 'paste', text: 'web-shop', at: half.now });
  t.is(dialogOf(pasted).question?.field.text, '');
  const whole = type(half, 'shop');
  const [effect] = effectsOf(whole, 'enter');
  t.like(effect, {
    command: 'scenario.quarantineReturn',
    args: { name: 'web-shop', id: ID, root: 0, path: 'index.html' },
  });
  const active = whole.hosts.find(
    ({ scenarios }) => scenarios['id-web-shop']?.reportedBy === scenarios['id-web-shop']?.active,
  );
  t.is(effect?.type === 'request' ? effect.host : '', active?.name ?? 'none');
  const told = update(press(whole, 'enter'), {
    type: 'reply',
    host: 'web-01',
    purpose: { kind: 'quarantine-done', what: 'return', id: ID },
    outcome: { ok: true, result: { host: 'web-02', kept: 'other' } },
    at: whole.now + 2_000,
  });
  t.regex(told.state.toast?.text ?? '', /put back on web-02; what users had is in quarantine other/);
  t.like(told.effects[0], { command: 'scenario.quarantineFile' });
});

test('what cannot be put back says why before anything is typed', (t) => {
  const open = quarantineOpen(SIZE);
  t.regex(whyDisabled(press(open, 'j', 'j'), 'kept-return') ?? '', /only files and links.*gone/);
  t.regex(whyDisabled(lost(open, 'web-01'), 'kept-return') ?? '', /active host web-01 is not connected/);
  const old = press(quarantineList(SIZE), 'j', 'enter');
  const page = answerKept(
    old,
    { kind: 'quarantine-page', id: '20260501T000000Z-e3', asked: 1, from: 0 },
    { items: items(0, 1) },
  );
  t.regex(whyDisabled(page, 'kept-return') ?? '', /scenario is deleted: extract it/);
});

test('--readonly and a host that is gone keep what is there, and looking goes on', (t) => {
  const open = quarantineOpen(SIZE);
  const viewer = { ...open, settings: { ...open.settings, readonly: true } };
  t.regex(whyDisabled(viewer, 'kept-discard') ?? '', /--readonly/);
  t.regex(whyDisabled(viewer, 'kept-extract') ?? '', /--readonly/);
  t.is(whyDisabled(viewer, 'kept-open'), undefined);
  t.regex(whyDisabled(lost(open, 'web-01'), 'kept-discard') ?? '', /not connected/);
});

test('Esc goes back one step at a time and never loses the place', (t) => {
  const file = quarantineFile(SIZE);
  const back = press(file, 'esc');
  t.is(dialogOf(back).file, undefined);
  t.is(dialogOf(back).opened?.items.length, 50);
  const list = press(back, 'esc');
  t.is(dialogOf(list).opened, undefined);
  t.is(topDialog(press(list, 'esc')), undefined);
});

test('an answer of the wrong shape is refused, not drawn', (t) => {
  const opened = press(quarantineList(SIZE), 'enter');
  const strange = answerKept(opened, { kind: 'quarantine-page', id: ID, asked: 1, from: 0 }, { items: 'all' });
  t.regex(shown(strange), /does not understand/);
  const mixed = answerKept(
    opened,
    { kind: 'quarantine-page', id: ID, asked: 1, from: 0 },
    { items: [{ path: 4 }, ...items(0, 1)] },
  );
  t.is(dialogOf(mixed).opened?.items.length, 1);
});
