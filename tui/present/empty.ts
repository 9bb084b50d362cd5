/** What stands where there is nothing yet: why, and what to do. */
import { layoutOf } from '../layout.ts';
import type { ConsoleState } from '../state.ts';
import { type Line, line, span } from './line.ts';
import { clean, wrap } from './text.ts';

function sentences(text: string, width: number, style: 'plain' | 'dim' | 'error' = 'plain'): Line[] {
  return wrap(clean(text), width - 1).map((part) => line(' ', span(part, style)));
}

/** Nothing in the tree: still connecting, nobody reachable, all filtered away, or truly nothing configured. */
export function emptyTree(state: ConsoleState, width: number): readonly Line[] {
  if (state.treeFilter !== '')
    return sentences(`No scenario matches "${state.treeFilter}". Esc clears the filter.`, width);
  if (state.hosts.length === 0)
    return sentences('This profile has no hosts. Leave with q, then: mainstay pair accept INVITE', width);
  if (state.hosts.some((host) => host.connection === 'up')) {
    const alone = layoutOf(state).kind === 'single';
    return [...sentences('No scenario yet.', width), ...(alone ? quickStart(width) : [])];
  }
  if (state.hosts.some((host) => host.connection === 'connecting')) return sentences('Connecting…', width, 'dim');
  const lines = sentences('No host can be reached; it is tried again and again.', width, 'error');
  for (const host of state.hosts)
    lines.push(...sentences(`${host.name}: ${host.fault?.text ?? ''} ${host.fault?.hint ?? ''}`, width));
  return lines;
}

export function quickStart(width: number): readonly Line[] {
  const step = (what: string, command: string): Line[] => [
    ...sentences(what, width),
    line('   ', span(command, 'strong')),
    [],
  ];
  return [
    [],
    ...sentences('A scenario keeps a Replica of one or more directories of a Master. To protect the first one:', width),
    [],
    ...step(
      '1. Write its description, from a commented starting point:',
      'mainstay scenario template file-server > shop.json',
    ),
    ...step('2. Edit hosts and roots in it, then create it:', 'mainstay scenario create shop.json'),
    ...step('3. It appears here; select it and press r to run it, or:', 'mainstay run shop --wait'),
    ...sentences('Keys: ? help of this place   : every action   q quit', width, 'dim'),
  ];
}
