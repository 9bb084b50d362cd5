/** Recover Active Server as lines: what is known of both hosts, which one is chosen, what it means. */
import { formatAge, formatCount, formatDuration } from '../../shared/units.ts';
import { scenarioById } from '../select.ts';
import { type KnownRole, knownRoles, nameOfDevice, reportsOf } from '../select-roles.ts';
import type { ConsoleState } from '../state.ts';
import type { SwitchDialog } from '../state-roles.ts';
import { originalHost, RECOVER_JOBS, type RecoverJob, whyNotMake } from '../update/recover.ts';
import { faultLines, paragraph } from './dialogs.ts';
import { guidanceLines } from './guidance.ts';
import { type Line, line, restyle, span } from './line.ts';
import { type Column, table } from './table.ts';
import { clean } from './text.ts';

const WORDS: Readonly<Record<RecoverJob, string>> = {
  'make-master': 'Make Master Active',
  'make-replica': 'Make Replica Active',
};

export function recoverLines(state: ConsoleState, dialog: SwitchDialog, width: number): readonly Line[] {
  const scenario = scenarioById(state, dialog.scenarioId);
  if (scenario === undefined) return [];
  const reports = reportsOf(state, scenario.id);
  const known = knownRoles(reports, scenario.status);
  const facts = [
    ...table(columnsOf(state), known, width),
    ...paragraph(aheadText(known), width),
    line(span('Differences  ', 'dim'), differencesOf(dialog)),
    [],
  ];
  if (dialog.step === 'question') return [...questionLines(dialog, width), [], ...facts];
  const choices = RECOVER_JOBS.flatMap((job) => {
    const reason = whyNotMake(state, scenario, job);
    const chosen = job === dialog.job;
    const text = `${chosen ? '> (*)' : '  ( )'} ${WORDS[job]}: ${clean(originalHost(scenario.status, job))}`;
    const shown = line(text, reason === undefined ? '' : `  not now: ${reason}`);
    return [chosen ? restyle(shown, 'inverse') : reason === undefined ? shown : restyle(shown, 'dim')];
  });
  const caution =
    'Makes one host active by your word, with no regard to which one has the newer data: you make sure that it is the one with the right data. What the other one alone has is never deleted: it goes to quarantine when that host comes back.';
  return [
    ...paragraph(caution, width, 'warning'),
    [],
    ...facts,
    ...choices,
    [],
    ...guidanceLines(state, scenario, width),
  ];
}

function questionLines(dialog: SwitchDialog, width: number): Line[] {
  const { fault, from, to, fields, job } = dialog;
  const states = fields.length > 1;
  const bullet = (text: string, style: 'plain' | 'error' | 'warning' = 'plain') =>
    paragraph(text, width - 2, style).map((row, index) => line(index === 0 ? '- ' : '  ', ...row));
  return [
    ...(fault === undefined ? [] : [...faultLines(fault, width), []]),
    ...paragraph(
      `Make ${to} active by your word (${job === 'make-master' ? 'the Master' : 'the Replica'})?`,
      width,
      'strong',
    ),
    ...(states
      ? bullet(
          `${from} does not answer ${to}. It must be FENCED: switched off, or cut off from users and disks.`,
          'error',
        )
      : []),
    ...bullet(`What only ${from} has is in use no more; it goes to quarantine there, never deleted.`, 'warning'),
    ...bullet(`A new epoch begins; ${from} takes no users until it has followed it.`),
    ...bullet('It is written into the audit log with your name.'),
  ];
}

function columnsOf(state: ConsoleState): readonly Column<KnownRole>[] {
  return [
    { title: 'Host', width: 12, grows: true, drop: 0, cell: ({ host }) => host.name },
    { title: 'Role', width: 8, drop: 0, cell: ({ role }) => role.toUpperCase() },
    {
      title: 'Epoch',
      width: 12,
      drop: 0,
      cell: ({ epoch }) => (epoch === undefined ? '?' : `${epoch.number} ${nameOfDevice(state, epoch.holder)}`),
    },
    {
      title: 'Position',
      width: 16,
      drop: 0,
      cell: ({ host: { position } }) =>
        position.generation === '' ? '-' : `${position.generation.slice(0, 6)}:${position.seq}`,
    },
    {
      title: 'Copy',
      width: 10,
      drop: 1,
      cell: ({ host, role }) =>
        role === 'active'
          ? ''
          : host.synchronized === false
            ? ['OUTDATED', 'error']
            : `lag ${formatDuration(host.lagMs)}`,
    },
    {
      title: 'Told',
      width: 9,
      drop: 2,
      cell: ({ ageMs }) => (ageMs === undefined ? ['never', 'warning'] : formatAge(ageMs)),
    },
  ];
}

/** Which one has more of the same history; only comparing tells it otherwise. */
function aheadText(known: readonly KnownRole[]): string {
  const [a, b] = known.map(({ host }) => host);
  if (a === undefined || b === undefined) return '';
  if (a.position.generation === '' || a.position.generation !== b.position.generation)
    return 'Their positions are not of the same history: only comparing (d) tells what differs.';
  const ahead = a.position.seq - b.position.seq;
  if (ahead === 0) return 'Both are at the same position of the same history, as far as it is known here.';
  const [more, less] = ahead > 0 ? [a, b] : [b, a];
  return `${more.name} is ${formatCount(Math.abs(ahead))} changes ahead of ${less.name}, as far as it is known here.`;
}

function differencesOf({ differences }: SwitchDialog): string {
  if (differences === undefined) return 'not counted; d compares both hosts';
  return differences.text ?? 'comparing both hosts…';
}
