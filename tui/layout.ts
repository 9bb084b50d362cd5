/** Where panes are for a size of the terminal. Pure: keys that page through a list need the same heights as the views. */
import type { ConsoleState, Pane } from './state.ts';

export interface Area {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export interface Layout {
  readonly kind: 'tiny' | 'single' | 'full';
  /** Size of what is drawn. */
  readonly width: number;
  readonly height: number;
  /** Panes that are shown, with their borders. */
  readonly panes: Partial<Readonly<Record<Pane, Area>>>;
  /** The strip of newest events below a single pane. */
  readonly strip?: Area;
}

const MIN_COLUMNS = 60;
const MIN_ROWS = 15;
const FULL_COLUMNS = 100;
const FULL_ROWS = 28;
const STRIP_ROWS = 6;
/** Header above; alert line and footer below. */
const HEADER_ROWS = 1;
const BOTTOM_ROWS = 2;

export function layoutOf(state: Pick<ConsoleState, 'columns' | 'rows' | 'pane' | 'settings' | 'hosts'>): Layout {
  const width = state.columns;
  const height = Math.max(1, state.rows - state.settings.spareRows);
  if (width < MIN_COLUMNS || height < MIN_ROWS) return { kind: 'tiny', width, height, panes: {} };
  const top = HEADER_ROWS;
  const room = height - HEADER_ROWS - BOTTOM_ROWS;
  if (width < FULL_COLUMNS || height < FULL_ROWS) return single(state.pane, width, height, top, room);
  const leftWidth = Math.max(38, Math.min(58, Math.floor(width * 0.34)));
  const hostRows = Math.min(Math.max(3, state.hosts.length + 2), Math.max(3, Math.floor(room / 3)));
  const eventRows = Math.max(9, Math.floor(room * 0.36));
  const rightWidth = width - leftWidth;
  return {
    kind: 'full',
    width,
    height,
    panes: {
      tree: { left: 0, top, width: leftWidth, height: room - hostRows },
      hosts: { left: 0, top: top + room - hostRows, width: leftWidth, height: hostRows },
      detail: { left: leftWidth, top, width: rightWidth, height: room - eventRows },
      events: { left: leftWidth, top: top + room - eventRows, width: rightWidth, height: eventRows },
    },
  };
}

function single(pane: Pane, width: number, height: number, top: number, room: number): Layout {
  if (pane === 'events')
    return { kind: 'single', width, height, panes: { events: { left: 0, top, width, height: room } } };
  const strip: Area = { left: 0, top: top + room - STRIP_ROWS, width, height: STRIP_ROWS };
  return {
    kind: 'single',
    width,
    height,
    panes: { [pane]: { left: 0, top, width, height: room - STRIP_ROWS } },
    strip,
  };
}

/** Rows of content in a pane, at least 1. */
export function paneRows(state: Parameters<typeof layoutOf>[0], pane: Pane): number {
  return Math.max(1, (layoutOf(state).panes[pane]?.height ?? 3) - 2);
}

/** The wizard has the whole screen but the header and the two lines at the bottom. */
export function wizardArea(layout: Pick<Layout, 'width' | 'height'>): Area {
  return { left: 0, top: HEADER_ROWS, width: layout.width, height: layout.height - HEADER_ROWS - BOTTOM_ROWS };
}

/** Rows a page key moves by in the point picker: its list, a little less where the preview stands below it. */
export function pickerRows(state: Parameters<typeof layoutOf>[0]): number {
  const rows = wizardArea(layoutOf(state)).height - 6;
  return Math.max(1, state.columns >= FULL_COLUMNS ? rows : rows - 7);
}

export function previewTreeRows(state: Parameters<typeof layoutOf>[0]): number {
  return Math.max(1, wizardArea(layoutOf(state)).height - 9);
}

/** Rows of the lists of quarantines: what stands above and below them goes. */
export function quarantineRows(state: Parameters<typeof layoutOf>[0]): number {
  return Math.max(1, wizardArea(layoutOf(state)).height - 7);
}

/** A dialog in the middle of the screen, at most as large as the screen allows. */
export function dialogArea(width: number, height: number, wantedWidth: number, wantedHeight: number): Area {
  const dialogWidth = Math.min(wantedWidth, width - 4);
  const dialogHeight = Math.min(wantedHeight, height - 2);
  return {
    left: Math.floor((width - dialogWidth) / 2),
    top: Math.max(0, Math.floor((height - dialogHeight) / 2)),
    width: dialogWidth,
    height: dialogHeight,
  };
}
