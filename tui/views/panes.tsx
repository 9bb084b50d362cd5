/** The panes: scenarios, detail with its tabs, events, hosts. Each takes the state and draws lines. */
import type { ChartSurface } from '../charts/surface.ts';
import { sliceAround, sliceWords } from '../components/list.ts';
import { innerHeight, innerWidth, Pane } from '../components/pane.tsx';
import type { Area } from '../layout.ts';
import { detailRows } from '../present/detail.ts';
import { fieldSpans } from '../present/dialogs.ts';
import { emptyTree, quickStart } from '../present/empty.ts';
import { eventRow } from '../present/events.ts';
import { hostDetail, hostRow } from '../present/hosts.ts';
import { type Line, line, span } from '../present/line.ts';
import { overview } from '../present/overview.ts';
import { clean } from '../present/text.ts';
import { cursorRow, treeRow } from '../present/tree.ts';
import { eventWindow, selectedRow, selectedScenario, treeRows } from '../select.ts';
import { type ConsoleState, TABS, type Tab } from '../state.ts';
import type { Theme } from '../theme.ts';

export interface ViewProps {
  readonly state: ConsoleState;
  readonly area: Area;
  readonly theme: Theme;
  readonly surface: ChartSurface;
}

function hasKeys(state: ConsoleState, pane: ConsoleState['pane']): boolean {
  return state.pane === pane && state.dialogs.length === 0;
}

/** `/filter: text`, as a field while it is typed. */
function filterWords(state: ConsoleState, target: 'tree' | 'events', text: string): Line {
  const { editing } = state;
  if (editing?.target === target) return line(' /', ...fieldSpans(editing.field, 24), ' ');
  return text === '' ? [] : line(span(` /${clean(text)} `, 'accent'));
}

export function TreeView({ state, area, theme }: ViewProps) {
  const rows = treeRows(state);
  const height = innerHeight(area);
  const width = innerWidth(area);
  const selected = selectedRow(state)?.key;
  const focused = hasKeys(state, 'tree');
  const cursor = Math.max(
    0,
    rows.findIndex((row) => row.key === selected),
  );
  const slice = sliceAround(cursor, rows.length, height);
  const shown = rows
    .slice(slice.start, slice.end)
    .map((row) => treeRow(row, { width, selected: row.key === selected, focused }));
  return (
    <Pane
      area={area}
      theme={theme}
      focused={focused}
      title={line(span('1 Scenarios', 'strong'), ...filterWords(state, 'tree', state.treeFilter))}
      foot={line(sliceWords(slice, rows.length))}
      content={rows.length > 0 ? shown : emptyTree(state, width)}
    />
  );
}

const TAB_TITLES: Readonly<Record<Tab, string>> = {
  overview: 'Overview',
  roots: 'Roots',
  ha: 'HA',
  rewind: 'Rewind',
};

function tabs(active: Tab): Line {
  return TABS.flatMap((tab) => [
    span(' '),
    tab === active ? span(`[${TAB_TITLES[tab]}]`, 'accent') : span(` ${TAB_TITLES[tab]} `, 'plain'),
  ]);
}

export function DetailView({ state, area, theme, surface }: ViewProps) {
  const scenario = selectedScenario(state);
  const width = innerWidth(area);
  const height = innerHeight(area);
  const focused = hasKeys(state, 'detail');
  if (scenario === undefined) {
    const content = quickStart(width);
    return (
      <Pane
        area={area}
        theme={theme}
        focused={focused}
        title={line(span('2 Quick start', 'strong'))}
        content={content}
      />
    );
  }
  const charts = state.charts[scenario.id];
  const rows =
    state.tab === 'overview'
      ? overview(scenario, { width: width - 1, height, now: state.now, surface, charts })
      : detailRows(state);
  const start = Math.max(0, Math.min(state.detailScroll, rows.length - height));
  const slice = { start, end: Math.min(rows.length, start + height) };
  const content = state.tab === 'ha' ? rows.slice(slice.start, slice.end) : rows;
  return (
    <Pane
      area={area}
      theme={theme}
      focused={focused}
      title={line(span(`2 ${clean(scenario.status.name)}:`, 'strong'), ...tabs(state.tab))}
      note={line(span(` ${scenario.status.serverType} `, 'dim'))}
      foot={line(state.tab === 'ha' && rows.length > height ? `${sliceWords(slice, rows.length)}j/k ` : '')}
      content={content.map((row) => line(' ', ...row))}
    />
  );
}

/** Where the stream is: `LIVE`, or how much came since it was paused. */
function streamWords(state: ConsoleState, newer: number): Line {
  if (state.eventView.paused === undefined) return line(span(' LIVE ', 'good'));
  return line(span(` PAUSED (+${newer} new, G resumes) `, 'warning'));
}

export function EventsView({ state, area, theme }: ViewProps) {
  const width = innerWidth(area);
  const focused = hasKeys(state, 'events');
  const window = eventWindow(state, innerHeight(area));
  const { severity, filter, selectedOnly, paused } = state.eventView;
  const scope = selectedOnly ? (selectedScenario(state)?.status.name ?? 'none') : 'all';
  const rows = window.rows.map((event) =>
    cursorRow(eventRow(event, { now: state.now, width }), {
      width,
      selected: event.id === window.cursor?.id && (focused || paused !== undefined),
      focused,
    }),
  );
  const dropped = state.eventsDropped > 0 ? ` ${state.eventsDropped} left out ` : '';
  return (
    <Pane
      area={area}
      theme={theme}
      focused={focused}
      title={line(
        span('3 Events', 'strong'),
        ` ${clean(scope)}`,
        ...streamWords(state, window.newer),
        span(`sev>=${severity}`, severity === 'info' ? 'plain' : 'accent'),
        ...filterWords(state, 'events', filter),
      )}
      note={line(span(dropped, 'warning'))}
      foot={line(window.total > window.rows.length ? ` ${window.end} of ${window.total} ` : '')}
      content={rows.length > 0 ? rows : [line(span(' No events', 'dim'))]}
    />
  );
}

/** The newest events below a single pane: no cursor, no frame to lose room to. */
export function EventStrip({ state, area, theme }: ViewProps) {
  const width = innerWidth(area);
  const live = { ...state, eventView: { severity: 'info', filter: '', selectedOnly: false } as const };
  const rows = eventWindow(live, innerHeight(area)).rows.map((event) =>
    line(' ', ...eventRow(event, { now: state.now, width })),
  );
  return (
    <Pane
      area={area}
      theme={theme}
      focused={false}
      title={line('3 Events')}
      content={rows.length > 0 ? rows : [line(span(' No events', 'dim'))]}
    />
  );
}

export function HostsView({ state, area, theme }: ViewProps) {
  const width = innerWidth(area);
  const height = innerHeight(area);
  const focused = hasKeys(state, 'hosts');
  const slice = sliceAround(state.hostCursor, state.hosts.length, height);
  const rows: Line[] = state.hosts.slice(slice.start, slice.end).map((host, index) =>
    cursorRow(hostRow(host, state.now, width - 1), {
      width,
      selected: focused && slice.start + index === state.hostCursor,
      focused,
    }),
  );
  const host = state.hosts[state.hostCursor];
  if (host !== undefined && height > rows.length + 3) {
    rows.push([], ...hostDetail(host, state.now, width - 1).map((row) => line(' ', ...row)));
  }
  return (
    <Pane
      area={area}
      theme={theme}
      focused={focused}
      title={line(span('4 Hosts', 'strong'))}
      foot={line(sliceWords(slice, state.hosts.length))}
      content={rows}
    />
  );
}
