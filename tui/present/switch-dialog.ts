/** The switchover dialog as lines: what it means, every step of the dry run, what is typed; then the steps with their times. */
import { STEP_TITLES, SWITCH_STEPS } from '../../shared/role.ts';
import type { ScenarioStatus } from '../../shared/status.ts';
import { formatBytes, formatDuration } from '../../shared/units.ts';
import { sliceWords } from '../components/list.ts';
import { scenarioById } from '../select.ts';
import { reportsOf } from '../select-roles.ts';
import type { ConsoleState } from '../state.ts';
import { mayType, type SwitchDialog } from '../state-roles.ts';
import { isTyped } from '../update/switch.ts';
import { progressOf, type StepView, type SwitchProgress } from '../update/switch-progress.ts';
import { button, faultLines, fieldSpans, paragraph } from './dialogs.ts';
import { fitHeight, type Line, line, type Style, span } from './line.ts';
import type { WizardSheet } from './point-words.ts';
import { recoverLines } from './recover-dialog.ts';
import { planLines } from './switchover.ts';
import { clean, fitText } from './text.ts';

export function switchTitle({ job, scenario, step, backward }: SwitchDialog): string {
  const recovers = job.startsWith('make-') || step === 'choice';
  const what = recovers ? 'Recover Active Server' : backward ? 'Switchback' : 'Switchover';
  return `${what}: ${clean(scenario)}`;
}

export function switchSheet(state: ConsoleState, dialog: SwitchDialog, width: number, height: number): WizardSheet {
  if (dialog.step === 'progress') return { content: progressLines(state, dialog, width) };
  const status = scenarioById(state, dialog.scenarioId)?.status;
  if (status === undefined)
    return { content: paragraph('No connected host knows this scenario any more.', width, 'error') };
  const above =
    dialog.step === 'choice' || dialog.job.startsWith('make-')
      ? recoverLines(state, dialog, width)
      : questionLines(dialog, status, width);
  const below = typedLines(dialog, width);
  const room = Math.max(1, height - below.length);
  const start = Math.max(0, Math.min(dialog.scroll, above.length - room));
  const slice = { start, end: Math.min(above.length, start + room) };
  return {
    note: sliceWords(slice, above.length),
    content: [...fitHeight(above.slice(slice.start, slice.end), room), ...below],
  };
}

// ---------------------------------------------------------------- the question

const bullet = (text: string, width: number, style: Style = 'plain'): Line[] =>
  paragraph(text, width - 2, style).map((row, index) => line(index === 0 ? '- ' : '  ', ...row));

function questionLines(dialog: SwitchDialog, status: ScenarioStatus, width: number): Line[] {
  const { job, from, to, fault } = dialog;
  const question =
    job === 'stated'
      ? `Make ${to} active although ${from} does not answer?`
      : job === 'fenced'
        ? `Turn ${from} off by the fencing script, then make ${to} active?`
        : `Move the users of "${dialog.scenario}" from ${from} to ${to}?`;
  return [
    ...(fault === undefined ? [] : [...faultLines(fault, width), []]),
    ...paragraph(question, width, 'strong'),
    ...(job === 'planned' ? plannedLines(dialog, status, width) : aloneLines(dialog, status, width)),
    ...dryRunLines(dialog, width),
  ];
}

function plannedLines({ from, to, plan }: SwitchDialog, { epoch }: ScenarioStatus, width: number): Line[] {
  const gap = plan?.predictedMs === undefined ? '' : `, about ${formatDuration(plan.predictedMs)}`;
  return [
    ...bullet(`Active now: ${from}, epoch ${epoch}. Afterwards: ${to}, epoch ${epoch + 1}.`, width),
    ...bullet(`Users are cut off while the last changes are applied${gap}.`, width),
    ...bullet('Data at risk: none, 0 B, 0 s; all is on the new active host before the roles change.', width, 'good'),
  ];
}

function aloneLines({ from, to, plan, job }: SwitchDialog, { epoch }: ScenarioStatus, width: number): Line[] {
  const fenced = `${from} does not answer. Nobody takes over unless the script confirms that it is off; if it fails, nothing has changed.`;
  const stated = `${from} must be FENCED: switched off, or cut off from users and disks. With two active hosts changes are lost.`;
  return [
    ...bullet(job === 'fenced' ? fenced : stated, width, 'error'),
    ...bullet(`Active afterwards: ${to}, epoch ${epoch + 1}.`, width),
    ...bullet(riskOf(from, plan), width, 'warning'),
    ...bullet(`When ${from} is back, what only it has goes to quarantine.`, width),
  ];
}

function riskOf(from: string, plan: SwitchDialog['plan']): string {
  if (plan === undefined) return 'Data at risk: asking…';
  const { loss } = plan;
  if (loss === 'none') return 'Data at risk: none.';
  const least = `${formatBytes(loss.exposureBytes)}, ${formatDuration(loss.exposureMs)} of changes`;
  return loss.known
    ? `Data at risk: ${least} that ${to(plan)} had not received.`
    : `Data at risk: at least ${least}; what ${from} changed after it was heard last is not known here.`;
}

function to({ to: host }: NonNullable<SwitchDialog['plan']>): string {
  return host;
}

/** Its own lines first, which say what stands in the way. */
function dryRunLines({ plan, planFault }: SwitchDialog, width: number): Line[] {
  if (planFault !== undefined) {
    return [
      ...bullet(`The dry run failed, so it is not known what stands in the way: ${planFault.text}`, width, 'warning'),
      ...paragraph(planFault.hint, width, 'dim'),
    ];
  }
  if (plan === undefined) return [[], line(span('Dry run: asking both hosts what it would do…', 'busy'))];
  const refusal = plan.possible
    ? []
    : [
        ...bullet(`It would be REFUSED now: ${plan.refusal ?? 'no reason was given'}.`, width, 'error'),
        ...bullet('Mend that, then press u for a new dry run.', width),
      ];
  const findings = plan.findings.flatMap(({ severity, host, text, fix }) => [
    ...bullet(`${severity.toUpperCase()} ${host}: ${text}`, width, severity === 'error' ? 'error' : 'warning'),
    ...(fix === '' ? [] : paragraph(`Fix: ${fix}`, width - 2, 'dim').map((row) => line('  ', ...row))),
  ]);
  const steps = planLines({ ...plan, findings: [] }).slice(1, -3);
  return [
    ...refusal,
    ...findings,
    [],
    line(span('Dry run', 'accent'), span('  nothing of this was done', 'dim')),
    ...steps.map((text) => line(text)),
  ];
}

/** Always in sight, below what scrolls. */
function typedLines(dialog: SwitchDialog, width: number): Line[] {
  if (!mayType(dialog)) return [];
  const rows = dialog.fields.flatMap(({ wanted, field }, index): Line[] => {
    const hasKeys = index === dialog.focus;
    const done = field.text === clean(wanted);
    const label = dialog.fields.length > 1 && index === 0 ? 'State, by typing: ' : 'Type the name: ';
    return [
      line(label, span(clean(wanted), 'strong'), done ? span('  [ok]', 'good') : ''),
      line(
        span(hasKeys ? '> ' : '  ', 'strong'),
        ...(hasKeys ? fieldSpans(field, width - 4) : [span(clean(field.text))]),
      ),
    ];
  });
  const ready = isTyped(dialog);
  const verb = dialog.job.startsWith('make-') ? 'Make it active' : 'Switch over';
  return [[], ...rows, line(button('Cancel', !ready), '  ', button(verb, ready, ready))];
}

// ---------------------------------------------------------------- the steps

const MARKS: Readonly<Record<StepView['state'], readonly [string, Style]>> = {
  done: ['[done]', 'good'],
  now: ['[now ]', 'busy'],
  waiting: ['[    ]', 'dim'],
  skipped: ['[skip]', 'dim'],
};
const TIME_CELLS = 9;

function progressLines(state: ConsoleState, dialog: SwitchDialog, width: number): Line[] {
  const progress = progressOf(state, dialog);
  const lines: Line[] = [
    line(
      span(
        dialog.job.startsWith('make-')
          ? `${clean(dialog.to)} becomes active`
          : `From ${clean(dialog.from)} to ${clean(dialog.to)}`,
        'strong',
      ),
      dialog.asked === undefined ? '' : sinceOf(state, dialog),
    ),
    ...(progress.silent ? silentLines(width) : []),
    ...fencingLines(state, dialog, width),
    [],
    ...progress.steps.map((each) => stepLine(each, width)),
    [],
  ];
  if (progress.gaveUp !== undefined) {
    lines.push(...paragraph(progress.gaveUp, width, 'error'));
    lines.push(
      ...paragraph('Nothing has changed for users. Esc closes this; s asks again, with a new dry run.', width),
    );
    return lines;
  }
  if (progress.problem !== undefined)
    lines.push(
      ...paragraph(`It does not get on: ${progress.problem}`, width, 'error'),
      line('It is tried again until it works.'),
    );
  if (dialog.fault !== undefined && progress.over === undefined) lines.push(...unknownLines(dialog, width));
  return [...lines, ...endLines(state, dialog, progress, width)];
}

/** Before the first step: the script has to confirm that the other host is off. */
function fencingLines(state: ConsoleState, { scenarioId }: SwitchDialog, width: number): Line[] {
  return reportsOf(state, scenarioId).flatMap(({ status: { roles }, live }) => {
    const fencing = roles?.fencing;
    if (fencing === undefined || !live) return [];
    const said = fencing.text === undefined ? '' : `: ${fencing.text}`;
    const text = `Fencing of ${fencing.other} by ${fencing.script}: ${fencing.state}${said}`;
    return paragraph(text, width, fencing.state === 'failed' ? 'error' : 'busy');
  });
}

function sinceOf({ now }: ConsoleState, { asked }: SwitchDialog) {
  return span(`   asked ${formatDuration(Math.max(0, now - (asked?.at ?? now)))} ago`, 'dim');
}

function silentLines(width: number): Line[] {
  const text =
    'No connection to either host. A switchover does not need this console: it goes on; this window follows it again when a connection is back.';
  return paragraph(text, width, 'warning');
}

function unknownLines({ fault }: SwitchDialog, width: number): Line[] {
  const text = `Whether it began is not known yet: ${fault?.text ?? ''}. It is not asked for a second time; what the hosts tell is shown here.`;
  return paragraph(text, width, 'warning');
}

function stepLine({ step, state, host, tookMs }: StepView, width: number): Line {
  const [word, style] = MARKS[state];
  const number = SWITCH_STEPS.indexOf(step) + 1;
  const time = tookMs === undefined ? '' : formatDuration(tookMs);
  const where = host === undefined ? '' : `  ${clean(host)}`;
  const title = fitText(`${STEP_TITLES[step]}${where}`, Math.max(20, width - TIME_CELLS - 10));
  return line(
    span(word, style),
    ` ${number} `,
    span(title, state === 'now' ? 'strong' : state === 'done' ? 'plain' : 'dim'),
    span(fitText(time, TIME_CELLS, 'right'), 'dim'),
  );
}

function endLines(
  state: ConsoleState,
  dialog: SwitchDialog,
  { over, cutOffMs, tookOverMs }: SwitchProgress,
  width: number,
): Line[] {
  if (over === undefined) return paragraph('Esc closes this window; it goes on. s shows it again.', width, 'dim');
  const status = scenarioById(state, dialog.scenarioId)?.status;
  const gap =
    cutOffMs !== undefined
      ? `; users were cut off for about ${formatDuration(cutOffMs)}`
      : tookOverMs !== undefined
        ? `, ${formatDuration(tookOverMs)} after it began`
        : '';
  return [
    ...paragraph(`Switchover completed: ${over.active} is active in epoch ${over.epoch}${gap}.`, width, 'good'),
    ...paragraph(afterwards(status), width),
    line(button('Close', true)),
  ];
}

function afterwards(status: ScenarioStatus | undefined): string {
  if (status === undefined) return '';
  if (status.state === 'stopped')
    return 'The scenario has stopped, as its property for the reverse direction says: r runs it backward, then s switches back.';
  return status.problem === undefined
    ? 'Replication goes on in the reverse direction; s switches back once it is protected.'
    : `Now: ${status.problem}`;
}
