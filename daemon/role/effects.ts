/** What has to be done, and has to hold, in a state: derived from it, so that a restart goes on where the record says. Pure. */
import { askedAbove, mayRequest } from './machine.ts';
import type { BootMs, RoleEffect, RoleSetup, RoleState } from './state.ts';
import type { Word } from './word.ts';

/** Until when the gate may be open; undefined: it has to be closed. */
function openUntil(state: RoleState, setup: RoleSetup, now: BootMs): BootMs | undefined {
  const { record, confirmed, leaseUntil } = state;
  if (record.role !== 'active' || !confirmed || leaseUntil <= now) return undefined;
  const own = record.switchover;
  const usual = own === undefined || own.step === 'reverse' || (own.side === 'from' && own.step === 'prepare');
  return usual || (own?.step === 'acquire' && mayAcquire(state)) ? Math.min(leaseUntil, now + setup.gateMs) : undefined;
}

/** The other has given up what clients reach it by, or the right does not come from it. */
function mayAcquire({ record, peer, releaseWaived }: RoleState): boolean {
  const own = record.switchover;
  if (own === undefined || own.right !== 'planned' || releaseWaived) return true;
  const theirs = peer?.switchover;
  const over = peer?.role === 'standby' && theirs === undefined && peer.maxEpoch.number >= own.epoch.number;
  return over || (theirs?.id === own.id && theirs.step === 'reverse');
}

export function effectsOf(state: RoleState, setup: RoleSetup, now: BootMs): RoleEffect[] {
  const until = openUntil(state, setup, now);
  const gate: RoleEffect = until === undefined ? { type: 'close' } : { type: 'open', until };
  return [gate, ...ofArbiter(state, setup, now), ...ofSwitchover(state), ...ofFenced(state)];
}

function ofArbiter(state: RoleState, setup: RoleSetup, now: BootMs): RoleEffect[] {
  const { record } = state;
  if (setup.arbiter === 'none') return [];
  const own = record.switchover;
  if (record.role === 'active') {
    const { confirmed, leaseUntil } = state;
    const held = confirmed && (leaseUntil === 0 || leaseUntil > now);
    const renew: RoleEffect = { type: 'renew', epoch: record.epoch, ...(held ? { held } : {}) };
    if (own?.right === 'stated' || own?.right === 'fenced' || own?.right === 'unsafe')
      return [renew, { type: 'enforce', epoch: record.epoch }];
    return mayRequest(state, setup, now) ? [renew, { type: 'request', above: askedAbove(state, setup) }] : [renew];
  }
  if (own?.side === 'from') return [{ type: 'transfer', to: own.epoch }];
  return mayRequest(state, setup, now) ? [{ type: 'request', above: record.maxEpoch.number }] : [];
}

function ofSwitchover(state: RoleState): RoleEffect[] {
  const { record, done } = state;
  const own = record.switchover;
  if (own === undefined) return [];
  const { id, right } = own;
  const todo = (open: boolean, effect: RoleEffect): RoleEffect[] => (open ? [effect] : []);
  switch (own.step) {
    case 'drain':
      return todo(done.drainedSeq === undefined, { type: 'drain', id });
    case 'final-ack':
      return sealing(state);
    case 'release':
      return todo(!done.released, { type: 'release', id });
    case 'promote':
      return todo(!done.promoted, { type: 'promote', id, right });
    case 'acquire':
      return todo(!done.acquired && mayAcquire(state), { type: 'acquire', id });
    case 'reverse':
      return todo(own.side === 'to' && !done.reversed, { type: 'reverse', id, right });
    default:
      return [];
  }
}

function sealing({ record, done }: RoleState): RoleEffect[] {
  const own = record.switchover;
  if (own?.side !== 'to' || record.seal !== undefined || done.sealed || own.finalSeq === undefined) return [];
  return [{ type: 'seal', id: own.id, epoch: record.epoch, seq: own.finalSeq }];
}

function ofFenced({ record }: RoleState): RoleEffect[] {
  if (record.diverged) return [{ type: 'quarantine', epoch: record.maxEpoch }];
  return record.role === 'fenced' && record.maxEpoch.number > 0 ? [{ type: 'compare', epoch: record.maxEpoch }] : [];
}

/** What the other host has to hear now; said again and again until nothing of it is news. */
export function wordOf(state: RoleState, setup: RoleSetup, now: BootMs): Word {
  const { record, boot, peer, promised, asksVoid } = state;
  const { turn, maxEpoch, role, epoch, switchover, seal, voided, unacknowledged, acknowledged } = record;
  const unfit = role === 'standby' && !state.fit && now >= state.notBefore;
  const asks = setup.arbiter === 'witness' && role === 'active' && switchover === undefined;
  return {
    boot,
    ...(peer === undefined ? {} : { echo: peer.boot }),
    turn,
    maxEpoch,
    role,
    epoch,
    ...(switchover === undefined ? {} : { switchover }),
    ...(seal === undefined ? {} : { seal }),
    voided,
    ...(unfit ? { unfit } : {}),
    ...(asksVoid === undefined ? {} : { asksVoid }),
    ...(asks ? { ask: now } : {}),
    ...(promised === undefined || role === 'active' ? {} : { promise: promised }),
    ...(unacknowledged === undefined ? {} : { unacknowledged }),
    ...(acknowledged === undefined ? {} : { acknowledged }),
  };
}
