/** Words, shapes and colours for states: each state is a word in brackets first, a colour second. */

import type { HostStatus, ScenarioStatus } from '../../shared/status.ts';
import { formatDuration } from '../../shared/units.ts';
import { hasTrouble, type ScenarioView, worstLag } from '../select.ts';
import { LAG_WARNING_MS } from '../state.ts';
import { type Span, type Style, span } from './line.ts';

export interface Badge {
  readonly word: string;
  readonly style: Style;
  /** The rest of the sentence. */
  readonly text: string;
}

const STOPPED: Readonly<Record<string, string>> = {
  'never-run': 'never run',
  'by-user': 'by user',
  'after-switchover': 'after switchover',
  'by-error': 'by error',
};

export function scenarioBadge(view: ScenarioView): Badge {
  const { status } = view;
  const badge = liveBadge(status);
  if (!view.stale) return badge;
  return { word: '?', style: 'dim', text: `was ${status.state}` };
}

function liveBadge(status: ScenarioStatus): Badge {
  const lag = worstLag(status);
  switch (status.state) {
    case 'failed':
      return { word: 'ERR', style: 'error', text: 'failed' };
    case 'out-of-sync':
      return { word: 'OUT', style: 'error', text: 'out of sync' };
    case 'stopped':
      return status.stopReason === 'by-error'
        ? { word: 'ERR', style: 'error', text: 'stopped by error' }
        : { word: 'STOP', style: 'dim', text: STOPPED[status.stopReason ?? 'never-run'] ?? 'stopped' };
    case 'verifying':
      return { word: 'VRFY', style: 'busy', text: 'verifying' };
    case 'synchronizing':
      return { word: 'SYNC', style: 'busy', text: syncText(status) };
    case 'protected':
      if (hasTrouble(status) || status.problem !== undefined)
        return { word: 'WARN', style: 'warning', text: 'attention' };
      if (lag >= LAG_WARNING_MS) return { word: 'LAG', style: 'warning', text: formatDuration(lag) };
      return { word: 'RUN', style: 'good', text: 'protected' };
    case 'suspended':
      return { word: 'SUSP', style: 'warning', text: 'suspended' };
    case 'rehearsing':
      return { word: 'TEST', style: 'busy', text: 'rehearsing' };
    case 'switching':
      return { word: 'SWCH', style: 'busy', text: 'switching over' };
    case 'recovering':
      return { word: 'RECV', style: 'busy', text: 'recovering' };
  }
}

/** Part of a synchronization done, 0..1, by what is still needed; undefined while the walk does not know yet. */
export function syncFraction(status: ScenarioStatus): number | undefined {
  const { sync } = status;
  if (sync === undefined) return undefined;
  if (sync.phase === 'done') return 1;
  if (sync.totalEntries === undefined) return undefined;
  if (sync.neededBytes > 0) return Math.min(1, sync.sentBytes / sync.neededBytes);
  return sync.totalEntries > 0 ? Math.min(1, sync.comparedEntries / sync.totalEntries) : 1;
}

function syncText(status: ScenarioStatus): string {
  const fraction = syncFraction(status);
  return fraction === undefined ? 'comparing' : `${Math.floor(fraction * 100)}%`;
}

export function badgeSpan(badge: Badge): Span {
  return span(`[${badge.word.padEnd(4)}]`, badge.style);
}

export function hostBadge(host: HostStatus, running: boolean): Badge {
  const word = { active: 'ACTIVE', standby: 'STBY', fenced: 'FENCED' }[host.role];
  if (host.health === 'down') return { word, style: 'error', text: 'down' };
  if (host.health === 'suspect') return { word, style: 'warning', text: 'suspect' };
  const { replica } = host;
  if (replica === undefined) return { word, style: host.role === 'active' ? 'good' : 'plain', text: host.health };
  if (!running) return { word, style: 'plain', text: host.health };
  if (replica.link === 'down') return { word, style: 'warning', text: 'link down' };
  if (replica.held !== undefined) return { word, style: 'error', text: 'apply held' };
  if (replica.link !== 'live') return { word, style: 'busy', text: replica.link };
  return {
    word,
    style: replica.lagMs >= LAG_WARNING_MS ? 'warning' : 'good',
    text: `lag ${formatDuration(replica.lagMs)}`,
  };
}
