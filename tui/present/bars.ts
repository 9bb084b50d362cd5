/** The lines around the panes: header, alert line, footer. */
import { formatDuration } from '../../shared/units.ts';
import { type ActionId, actionsIn, bindingOf, isPane, keyName, placeOf, whyDisabled } from '../keys.ts';
import { commandHost, conditions, scenarioViews, selectedScenario, unreadAlerts, worstLag } from '../select.ts';
import type { ConsoleState } from '../state.ts';
import { plural, shortCount, timeOfDay } from './format.ts';
import { fitLine, type Line, line, lineWidth, type Span, type Style, span, spread } from './line.ts';

function counts(state: ConsoleState): string {
  const views = scenarioViews(state);
  const running = views.filter((view) => view.status.running && !view.stale).length;
  const bad = views.filter((view) => view.rank === 0).length;
  const warned = views.filter((view) => view.rank >= 1 && view.rank <= 3).length;
  return `scen ${views.length} run ${running} warn ${warned} err ${bad}`;
}

function connectionWords(state: ConsoleState): Span {
  const up = state.hosts.filter((host) => host.connection === 'up').length;
  const down = state.hosts.filter((host) => host.connection === 'down').length;
  const style: Style = down > 0 ? 'error' : up === state.hosts.length ? 'good' : 'busy';
  if (state.hosts.length === 1) {
    const only = state.hosts[0];
    const trip = only?.roundTripMs === undefined ? '' : ` ${Math.round(only.roundTripMs)} ms`;
    const word =
      only?.connection === 'up' ? `conn OK${trip}` : only?.connection === 'down' ? 'NOT CONNECTED' : 'connecting';
    return span(word, style);
  }
  return span(
    down > 0 ? `hosts ${up}/${state.hosts.length}, ${down} DOWN` : `hosts ${up}/${state.hosts.length}`,
    style,
  );
}

export function headerLine(state: ConsoleState, width: number): Line {
  const { settings } = state;
  const scenario = selectedScenario(state);
  const host =
    scenario === undefined ? state.hosts.find(({ role }) => role !== undefined) : commandHost(state, scenario);
  const lag = scenarioViews(state).reduce((most, view) => Math.max(most, view.stale ? 0 : worstLag(view.status)), 0);
  const left = line(
    ' ',
    span('MAINSTAY', 'accent'),
    ` ${settings.profile}`,
    host?.role === undefined ? '' : ` ${host.role}`,
    settings.readonly ? span(' READ-ONLY', 'warning') : '',
    ' ',
    span('│', 'border'),
    ` ${counts(state)} `,
    ...(width >= 100 ? [span('│', 'border'), ` ev ${shortCount(state.eventsPerSecond)}/s `] : []),
    ...(width >= 100 ? [span('│', 'border'), ` lag max ${formatDuration(lag)}`] : []),
  );
  return spread(left, line('  ', connectionWords(state), `  ${timeOfDay(state.now)} `), width);
}

/** The message of the moment, else what is wrong now, else nothing. */
export function alertLine(state: ConsoleState, width: number): Line {
  const { toast } = state;
  if (toast !== undefined) {
    const style = toast.severity === 'error' ? 'error' : 'strong';
    const hint = toast.hint === undefined ? '' : ` ${toast.hint}`;
    const left = line(' ', span(toast.severity === 'error' ? '! ' : '', style), span(toast.text, style), hint);
    return toast.severity === 'error' ? spread(left, line(span('  Esc: seen ', 'dim')), width) : fitLine(left, width);
  }
  const wrong = conditions(state);
  const unread = unreadAlerts(state);
  const [first] = wrong;
  if (first === undefined && unread === 0) return fitLine([], width);
  const more = [wrong.length > 1 ? `${wrong.length - 1} more` : '', unread > 0 ? `${unread} unread` : ''].filter(
    (part) => part !== '',
  );
  const right = line(span(`  ${[...more, '! alerts'].join(', ')} `, 'dim'));
  if (first === undefined)
    return spread(
      line(' ', span('! ', 'warning'), plural(unread, 'unread warning or error', 'unread warnings or errors')),
      line(span('! alerts ', 'dim')),
      width,
    );
  const style = first.severity === 'warning' ? 'warning' : 'error';
  return spread(
    line(' ', span(`! ${first.severity.toUpperCase()}`, style), ` ${first.where} ${first.text}`),
    right,
    width,
  );
}

function hint(state: ConsoleState, action: ActionId): Line {
  const binding = bindingOf(action);
  const key = binding.keys[0];
  if (key === undefined) return [];
  const off = whyDisabled(state, action) !== undefined;
  return line(span(keyName(key), off ? 'dim' : 'key'), span(` ${binding.title}`, off ? 'dim' : 'plain'));
}

/** Keys of a place that belong into its footer, the most useful first, as many as fit; quit and help never go. */
export function footerLine(state: ConsoleState, width: number, place = placeOf(state)): Line {
  const actions = actionsIn(place)
    .filter((action) => bindingOf(action).footer !== undefined)
    // A dialog's step decides its keys; in a pane what cannot be done now stays visible, greyed out.
    .filter((action) => isPane(place) || whyDisabled(state, action) === undefined)
    .sort((a, b) => (bindingOf(a).footer ?? 0) - (bindingOf(b).footer ?? 0));
  const last = actions.filter((action) => action === 'quit').map((action) => hint(state, action));
  let room = width - 2 - last.reduce((sum, content) => sum + lineWidth(content) + 2, 0);
  const shown: Line[] = [];
  for (const action of actions) {
    if (action === 'quit') continue;
    const content = hint(state, action);
    const cells = lineWidth(content) + 2;
    if (cells > room) break;
    room -= cells;
    shown.push(content);
  }
  const spans = [...shown, ...last].flatMap((content, index) => (index === 0 ? content : [span('  '), ...content]));
  return fitLine(line(' ', ...spans), width);
}
