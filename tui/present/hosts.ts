/** The hosts of the profile with the age of what is known of them. */
import { formatAge } from '../../shared/units.ts';
import type { HostView } from '../state.ts';
import { type Line, line, restyle, type Style, span } from './line.ts';
import { clean, fitText, wrap } from './text.ts';

function hostState(host: HostView): readonly [string, Style] {
  if (host.connection === 'up') return ['UP  ', 'good'];
  return host.connection === 'down' ? ['DOWN', 'error'] : ['....', 'busy'];
}

export function hostRow(host: HostView, now: number, width: number): Line {
  const [word, style] = hostState(host);
  const heard = host.heardAt === undefined ? 'never heard' : formatAge(now - host.heardAt);
  const trip = host.roundTripMs === undefined ? '' : `${Math.round(host.roundTripMs)} ms`;
  const live = host.connection === 'up' ? trip : heard;
  const name = fitText(clean(host.name), Math.max(6, Math.min(24, width - 22)));
  const version = host.daemon === undefined || width < 50 ? '' : `  ${host.daemon.version} ${host.daemon.platform}`;
  const content = line(span(`[${word}]`, style), ` ${name} ${live}`, version, width >= 70 ? `  ${host.address}` : '');
  return host.connection === 'up' ? content : restyle(content, host.connection === 'down' ? 'error' : 'dim');
}

/** What there is to say of the host under the cursor, where there is room. */
export function hostDetail(host: HostView, now: number, width: number): readonly Line[] {
  const lines: Line[] = [line(span(clean(host.name), 'strong'), `  ${host.address}`)];
  if (host.daemon !== undefined) {
    lines.push(
      line(`Engine ${host.daemon.version} on ${host.daemon.platform}, since ${formatAge(now - host.daemon.startedAt)}`),
    );
    lines.push(line(span('Device ', 'dim'), host.daemon.deviceId));
  }
  if (host.role !== undefined) lines.push(line(`Your role here: ${host.role}`));
  if (host.fault !== undefined && host.connection !== 'up') {
    for (const text of wrap(clean(`${host.fault.code}: ${host.fault.text}`), width))
      lines.push(line(span(text, 'error')));
    for (const text of wrap(clean(host.fault.hint), width)) lines.push(line(text));
  }
  return lines;
}
