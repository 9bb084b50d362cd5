/** The whole screen: header, panes, alert line, footer, and the dialog on top. */
import { Box, Text } from 'ink';
import { useSyncExternalStore } from 'react';
import type { ChartSurface } from './charts/surface.ts';
import { Rows } from './components/rows.tsx';
import { type Layout, layoutOf } from './layout.ts';
import { alertLine, footerLine, headerLine } from './present/bars.ts';
import type { ConsoleState, Pane } from './state.ts';
import type { Theme } from './theme.ts';
import { coversPanes, DialogView } from './views/dialogs.tsx';
import { DetailView, EventStrip, EventsView, HostsView, TreeView, type ViewProps } from './views/panes.tsx';

/** What the screen follows: the state as it shall be shown now. */
export interface ShownState {
  subscribe(onChange: () => void): () => void;
  current(): ConsoleState;
}

interface AppProps {
  readonly shown: ShownState;
  readonly theme: Theme;
  readonly surface: () => ChartSurface;
}

const VIEWS: Readonly<Record<Pane, (props: ViewProps) => React.JSX.Element>> = {
  tree: TreeView,
  hosts: HostsView,
  detail: DetailView,
  events: EventsView,
};
/** Volatile panes last: on the right, where an incremental frame writes least. */
const ORDER: readonly Pane[] = ['tree', 'hosts', 'detail', 'events'];

export function App({ shown, theme, surface }: AppProps) {
  const state = useSyncExternalStore(shown.subscribe, shown.current);
  const layout = layoutOf(state);
  if (layout.kind === 'tiny') return <TooSmall layout={layout} />;
  const line = (top: number) => ({ left: 0, top, width: layout.width, height: 1 });
  const strip = layout.strip;
  const dialog = state.dialogs.length > 0;
  const covered = coversPanes(state);
  return (
    <Box width="100%" height={layout.height} overflow="hidden">
      <Rows area={line(0)} theme={theme} lines={[headerLine(state, layout.width)]} />
      {ORDER.map((pane) => {
        const area = layout.panes[pane];
        const View = VIEWS[pane];
        return area === undefined || covered ? null : (
          <View key={pane} state={state} area={area} theme={theme} surface={surface()} />
        );
      })}
      {strip === undefined || covered ? null : (
        <EventStrip state={state} area={strip} theme={theme} surface={surface()} />
      )}
      <Rows area={line(layout.height - 2)} theme={theme} lines={[alertLine(state, layout.width)]} />
      <Rows
        area={line(layout.height - 1)}
        theme={theme}
        lines={[footerLine(dialog ? { ...state, dialogs: [] } : state, layout.width)]}
      />
      <DialogView state={state} layout={layout} theme={theme} />
    </Box>
  );
}

function TooSmall({ layout }: { readonly layout: Layout }) {
  return (
    <Box width="100%" height={layout.height} overflow="hidden" flexDirection="column">
      <Text wrap="truncate-end">Mainstay needs 60x15; this is</Text>
      <Text wrap="truncate-end">
        {layout.width}x{layout.height}. Enlarge it, q quits,
      </Text>
      <Text wrap="truncate-end">or use: mainstay status</Text>
    </Box>
  );
}
