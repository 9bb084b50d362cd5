/**
 * Decides for one host in one scenario who may be active: an event turns a state into the next. Nothing here acts; `effects.ts` says
 * what has to be done in a state. Whoever runs it makes a changed record durable before anything of the new state leaves the
 * host or is done (PROTOCOL.md, "Planned switchover"). Pure.
 */
import { compareEpochs, type Epoch, SWITCH_STEPS, type Switchover, type SwitchStep } from '../../shared/role.ts';
import type { RoleRecord } from './record.ts';
import type { BootMs, Done, RoleEvent, RoleSetup, RoleState } from './state.ts';
import type { Word } from './word.ts';

type RoleEventOf<Type extends RoleEvent['type']> = Extract<RoleEvent, { type: Type }>;

function reached(switchover: Switchover | undefined, step: SwitchStep): boolean {
  return switchover !== undefined && SWITCH_STEPS.indexOf(switchover.step) >= SWITCH_STEPS.indexOf(step);
}

/** Whether a change of `epoch` may be written into a root of this host. */
export function acceptsChanges({ role, epoch: followed, maxEpoch, seal, diverged }: RoleRecord, epoch: Epoch): boolean {
  if (role !== 'standby' || diverged || compareEpochs(epoch, followed) !== 0 || epoch.number < maxEpoch.number)
    return false;
  return seal === undefined || compareEpochs(seal.epoch, epoch) !== 0;
}

function recorded(state: RoleState, change: Partial<RoleRecord>, drop: readonly (keyof RoleRecord)[] = []): RoleState {
  const record: Record<string, unknown> = { ...state.record, ...change, turn: state.record.turn + 1 };
  for (const name of drop) delete record[name];
  return { ...state, record: record as unknown as RoleRecord };
}

function atStep(state: RoleState, switchover: Switchover, step: SwitchStep, more: Partial<Switchover> = {}): RoleState {
  return recorded(state, { switchover: { ...switchover, ...more, step } });
}

/** A switchover that begins: nothing of it is done. */
function begun(state: RoleState, switchover: Switchover, change: Partial<RoleRecord> = {}): RoleState {
  return { ...recorded(state, { ...change, switchover }), done: {}, releaseWaived: false };
}

function ended(state: RoleState): RoleState {
  return { ...recorded(state, {}, ['switchover', 'seal']), done: {}, releaseWaived: false };
}

export function step(state: RoleState, event: RoleEvent, setup: RoleSetup, now: BootMs): RoleState {
  return advance(happened(state, event, setup, now), setup);
}

function happened(state: RoleState, event: RoleEvent, setup: RoleSetup, now: BootMs): RoleState {
  switch (event.type) {
    case 'tick':
      return state;
    case 'word':
      return heard(state, event.word, setup, now);
    case 'fit':
      return { ...state, fit: event.fit };
    case 'peer-down':
      return { ...state, peerDown: event.down };
    case 'switchover':
      return handOver(state, event, setup, now);
    case 'cancel':
      return state.record.role === 'active' && state.record.switchover?.side === 'from' ? ended(state) : state;
    case 'take-back':
      return takeBack(state);
    case 'force':
      return force(state, event, setup);
    case 'waive-release':
      return { ...state, releaseWaived: true };
    case 'acknowledge':
      return locked(state, undefined, state.record.unacknowledged);
    case 'compared':
      return compared(state, event.epoch, event.diverged);
    case 'quarantined':
      return state.record.diverged ? recorded(state, { role: 'standby' }, ['diverged']) : state;
    case 'lease':
      return leased(state, event.epoch, event.sentAt, setup, now);
    case 'lease-refused':
      return refused(state, event.epoch, setup, now);
    default:
      return finished(state, event);
  }
}

const NOW_DONE = {
  sealed: { sealed: true },
  released: { released: true },
  promoted: { promoted: true },
  acquired: { acquired: true },
  reversed: { reversed: true },
} as const;

function finished(state: RoleState, event: Extract<RoleEvent, { type: 'drained' | keyof typeof NOW_DONE }>): RoleState {
  if (state.record.switchover?.id !== event.id) return state;
  const done: Done = event.type === 'drained' ? { drainedSeq: event.seq } : NOW_DONE[event.type];
  return { ...state, done: { ...state.done, ...done } };
}

/** The lock of an automatic switchover: the newest on either host, until that one is acknowledged. */
function locked(state: RoleState, unacknowledged = 0, acknowledged = 0): RoleState {
  const { record } = state;
  const seen = Math.max(record.acknowledged ?? 0, acknowledged);
  const newest = Math.max(record.unacknowledged ?? 0, unacknowledged);
  const held = newest > seen ? newest : undefined;
  if (seen === (record.acknowledged ?? 0) && held === record.unacknowledged) return state;
  const change = {
    ...(seen > 0 ? { acknowledged: seen } : {}),
    ...(held === undefined ? {} : { unacknowledged: held }),
  };
  return recorded(state, change, held === undefined ? ['unacknowledged'] : []);
}

function handOver(
  state: RoleState,
  { id, automatic }: RoleEventOf<'switchover'>,
  setup: RoleSetup,
  now: BootMs,
): RoleState {
  const { record, peer } = state;
  if (record.role !== 'active' || !state.confirmed || record.switchover !== undefined) return state;
  // Without a lease the arbiter may say another epoch already, and what is written here would not be followed.
  if (state.leaseUntil <= now) return state;
  if (peer === undefined || peer.role !== 'standby') return state;
  const number = Math.max(record.maxEpoch.number, peer.maxEpoch.number, record.voided, peer.voided) + 1;
  const epoch = { number, holder: setup.peer };
  return begun(state, { id, epoch, right: 'planned', step: 'prepare', side: 'from', ...unasked(automatic) });
}

function unasked(automatic: boolean | undefined): { automatic?: true } {
  return automatic === true ? { automatic } : {};
}

function takeBack(state: RoleState): RoleState {
  const { switchover } = state.record;
  if (switchover?.side !== 'from' || switchover.step !== 'commit') return state;
  return { ...state, asksVoid: switchover.epoch.number };
}

function force(state: RoleState, { id, right, automatic }: RoleEventOf<'force'>, setup: RoleSetup): RoleState {
  const { record, peer } = state;
  if (record.role === 'active' && state.confirmed) return state;
  if (record.role === 'standby' && !state.fit) return state;
  // One more than what a take-back may use, which this host has promised to leave to the other.
  const known = [
    record.maxEpoch.number,
    record.voided + 1,
    peer?.maxEpoch.number ?? 0,
    record.switchover?.epoch.number ?? 0,
  ];
  const epoch = { number: Math.max(...known) + 1, holder: setup.self };
  return promoted(state, { id, epoch, right, step: 'promote', side: 'to', ...unasked(automatic) }, setup);
}

function promoted(state: RoleState, switchover: Switchover, setup: RoleSetup): RoleState {
  const { epoch, automatic } = switchover;
  const lock = automatic === true && state.record.role !== 'active' ? { unacknowledged: epoch.number } : {};
  const next = begun(state, switchover, { role: 'active', epoch, maxEpoch: epoch, ...lock });
  const leaseUntil = withoutArbiter(setup);
  const { asksVoid: _asked, refused: _refused, ...rest } = next;
  return { ...rest, confirmed: true, leaseUntil, record: without(rest.record, 'diverged') };
}

function withoutArbiter({ arbiter }: RoleSetup): BootMs {
  return arbiter === 'none' ? Number.POSITIVE_INFINITY : 0;
}

function without(record: RoleRecord, name: keyof RoleRecord): RoleRecord {
  const { [name]: _dropped, ...rest } = record;
  return rest as RoleRecord;
}

/** Only for a host that waits for it: what was active and found a newer epoch. */
function compared(state: RoleState, epoch: Epoch, diverged: boolean): RoleState {
  const { record } = state;
  if (record.role !== 'fenced' || record.diverged || compareEpochs(epoch, record.maxEpoch) !== 0) return state;
  return diverged ? recorded(state, { diverged: true }) : recorded(state, { role: 'standby' });
}

function leased(state: RoleState, epoch: Epoch, sentAt: BootMs, setup: RoleSetup, now: BootMs): RoleState {
  const { record } = state;
  if (epoch.holder !== setup.self) return state;
  const order = compareEpochs(epoch, record.epoch);
  if (record.role === 'active' && order === 0) {
    const { refused: _refused, ...rest } = state;
    return { ...rest, confirmed: true, leaseUntil: Math.max(state.leaseUntil, sentAt + setup.leaseMs) };
  }
  // A grant while a promise to the other holds is asked for again when it is over.
  const takes = mayRequest(state, setup, now);
  if (!takes || compareEpochs(epoch, record.maxEpoch) <= 0) return state;
  const id = `granted-${epoch.number}`;
  const own = record.switchover ?? { id, right: 'granted', step: 'promote', side: 'to' };
  const switchover =
    record.role === 'active'
      ? { ...own, epoch }
      : ({ id, epoch, right: 'granted', step: 'promote', side: 'to', automatic: true } as const);
  return { ...promoted(state, switchover, setup), leaseUntil: sentAt + setup.leaseMs };
}

/** Of two epochs of one number the register's counts: the host that it does not know never had a lease in its own. */
function refused(state: RoleState, epoch: Epoch, setup: RoleSetup, now: BootMs): RoleState {
  const { record } = state;
  const { role, maxEpoch, switchover } = record;
  const isRival = epoch.number === maxEpoch.number && epoch.holder !== setup.self;
  // Asked for by the other before it handed that number over, or granted to this host and the answer was lost: it asks again.
  const handedOver = isRival && switchover?.side === 'to' && switchover.right === 'planned';
  if (role === 'active' && (handedOver || epoch.holder === setup.self)) return { ...state, refused: true };
  // This host has handed over what was granted to it.
  if (role === 'standby' && epoch.holder === setup.self && epoch.number <= maxEpoch.number) return state;
  const ends = outranked(state, epoch, setup) || (role === 'active' && isRival && state.leaseUntil <= now);
  if (!ends) return { ...state, refused: true };
  return role === 'standby' ? ended(recorded(state, { epoch, maxEpoch: epoch })) : fenced(state, epoch);
}

/**
 * Whether this host may ask the witness for a new epoch: to become active, or because the register does not know the epoch in which
 * it is active (the operator's, or one that was taken back).
 */
export function mayRequest(state: RoleState, setup: RoleSetup, now: BootMs): boolean {
  const { record } = state;
  if (setup.arbiter === 'none') return false;
  if (record.role === 'active') {
    if (record.switchover?.side === 'from') return false;
    if (!state.confirmed) return isAgreed(state, setup);
    return state.refused === true || now >= state.leaseUntil || askedAbove(state, setup) > record.maxEpoch.number;
  }
  return setup.automatic && record.role === 'standby' && !record.diverged && mayTakeOver(state, setup, now);
}

/**
 * The epoch that the witness is asked to go beyond. Usually the last of this host; but a register that was lost may renew one
 * from before a later one was granted to this host, which it never heard of and the other follows already.
 */
export function askedAbove({ record, peer, refused: isRefused }: RoleState, { self }: RoleSetup): number {
  const own = record.maxEpoch.number;
  if (record.role !== 'active' || isRefused === true || peer?.maxEpoch.holder !== self) return own;
  return Math.max(own, peer.maxEpoch.number);
}

function mayTakeOver(
  { record, boot, peer, fit, peerDown, notBefore }: RoleState,
  setup: RoleSetup,
  now: BootMs,
): boolean {
  // The answer to its own request was lost, and the other has made way for it already.
  const known =
    peer === undefined || compareEpochs(record.maxEpoch, peer.maxEpoch) >= 0 ? record.maxEpoch : peer.maxEpoch;
  const given = peer?.role !== 'active' && known.holder === setup.self && record.switchover?.side !== 'from';
  // Nobody is active, and the other says that it cannot become so.
  const left = peer?.role === 'standby' && peer.unfit === true && peer.echo === boot;
  return fit && (given || left || (peerDown && record.unacknowledged === undefined)) && now >= notBefore;
}

/** The other has said, since this host started, that it is not active and knows no newer epoch but one of this host. */
function isAgreed({ record, boot, peer }: RoleState, { self }: RoleSetup): boolean {
  if (peer?.echo !== boot || peer.role === 'active') return false;
  return peer.maxEpoch.holder === self || compareEpochs(peer.maxEpoch, record.maxEpoch) <= 0;
}

/** Whether `theirs` ends what this host is. A number that both were forced to ends only the one that is not in use. */
function outranked({ record, confirmed }: RoleState, theirs: Epoch, setup: RoleSetup): boolean {
  if (compareEpochs(theirs, record.maxEpoch) <= 0 && theirs.number <= record.maxEpoch.number) {
    return (
      record.role === 'active' && !confirmed && theirs.number === record.epoch.number && theirs.holder !== setup.self
    );
  }
  return !(record.role === 'active' && confirmed && theirs.number === record.maxEpoch.number);
}

function fenced(state: RoleState, epoch: Epoch): RoleState {
  const next = recorded(state, { role: 'fenced', epoch, maxEpoch: higher(epoch, state.record.maxEpoch) }, [
    'switchover',
    'seal',
  ]);
  const { asksVoid: _asked, ...rest } = next;
  return { ...rest, confirmed: true, leaseUntil: 0, fit: false, done: {}, releaseWaived: false };
}

function higher(a: Epoch, b: Epoch): Epoch {
  return compareEpochs(a, b) >= 0 ? a : b;
}

function heard(state: RoleState, word: Word, setup: RoleSetup, now: BootMs): RoleState {
  const last = state.peer;
  if (last !== undefined && word.turn < last.turn) return state;
  let next: RoleState = { ...state, peer: word };
  // Its clock began again with it: what it asked by the old one means nothing any more, or another time.
  if (last?.boot !== word.boot) next = withoutPromise(next);
  if (word.ask !== undefined && next.record.role !== 'active') {
    next = { ...next, promised: word.ask, notBefore: Math.max(next.notBefore, now + setup.leaseMs + setup.marginMs) };
  }
  next = followed(next, word, setup);
  next = voidedFor(next, word);
  next = locked(next, word.unacknowledged, word.acknowledged);
  return word.echo === state.boot ? answered(next, word, setup) : next;
}

function withoutPromise({ promised: _promised, ...state }: RoleState): RoleState {
  return state;
}

/** A newer epoch ends an active host and is followed by any other. */
function followed(state: RoleState, word: Word, setup: RoleSetup): RoleState {
  const { record } = state;
  // That the other knows this host to be the holder of an epoch is what a switchover to it looks like.
  if (word.maxEpoch.holder === setup.self || !outranked(state, word.maxEpoch, setup)) return state;
  if (record.role !== 'standby') return fenced(state, word.maxEpoch);
  return ended(recorded(state, { epoch: word.maxEpoch, maxEpoch: word.maxEpoch }));
}

/** Promises never to take the epoch that the other takes back, unless it has. */
function voidedFor(state: RoleState, { asksVoid }: Word): RoleState {
  const { record } = state;
  if (asksVoid === undefined || asksVoid <= record.voided || asksVoid <= record.maxEpoch.number) return state;
  return ended(recorded(state, { voided: asksVoid }));
}

/** What only a word proves that was said after this host had started. */
function answered(state: RoleState, word: Word, setup: RoleSetup): RoleState {
  let next = state;
  const { record } = state;
  if (record.role === 'active' && word.promise !== undefined && word.role !== 'active') {
    next = { ...next, leaseUntil: Math.max(next.leaseUntil, word.promise + setup.leaseMs) };
  }
  if (
    record.role === 'active' &&
    !next.confirmed &&
    setup.arbiter === 'none' &&
    // One that is fenced may still be closing its gate; it is standby once it has.
    word.role === 'standby' &&
    compareEpochs(word.maxEpoch, record.maxEpoch) <= 0
  ) {
    next = { ...next, confirmed: true, leaseUntil: Number.POSITIVE_INFINITY };
  }
  const own = record.switchover;
  const given =
    word.role === 'active' && word.switchover?.id !== own?.id && compareEpochs(word.epoch, record.epoch) === 0;
  return own?.side === 'to' && record.role === 'standby' && given ? ended(next) : next;
}

/** Takes every step whose condition holds, one after the other; each is a change of the record. */
function advance(state: RoleState, setup: RoleSetup): RoleState {
  for (let current = state; ; ) {
    const next = current.record.role === 'standby' ? advanceStandby(current, setup) : advanceActive(current);
    const after = next ?? advanceHandedOver(current, setup);
    if (after === undefined) return current;
    current = after;
  }
}

/** The host that hands over, and the one that has taken over. */
function advanceActive(state: RoleState): RoleState | undefined {
  const { record, done } = state;
  const own = record.switchover;
  if (record.role !== 'active' || own === undefined) return undefined;
  if (own.side === 'from') return advanceHandingOver(state, own);
  if (own.step === 'promote' && done.promoted) return atStep(state, own, 'acquire');
  if (own.step === 'acquire' && done.acquired) return atStep(state, own, 'reverse');
  // Before its first lease the arbiter may not know yet to whom the epoch was handed over.
  const isKnown = own.right !== 'planned' || state.leaseUntil > 0;
  return own.step === 'reverse' && done.reversed && isKnown ? ended(state) : undefined;
}

function advanceHandingOver(state: RoleState, own: Switchover): RoleState | undefined {
  const { peer, done } = state;
  if (own.step === 'prepare') return peer?.switchover?.id === own.id ? atStep(state, own, 'drain') : undefined;
  if (own.step === 'drain') {
    return done.drainedSeq === undefined ? undefined : atStep(state, own, 'final-ack', { finalSeq: done.drainedSeq });
  }
  const sealed = peer?.seal?.switchId === own.id && peer.seal.seq === own.finalSeq;
  if (!sealed) return undefined;
  const { epoch } = own;
  const change = { role: 'standby', epoch, maxEpoch: epoch, switchover: { ...own, step: 'commit' } } as const;
  return { ...recorded(state, change), leaseUntil: 0 };
}

/** The host that is handed over to, until it is promoted. */
function advanceStandby(state: RoleState, setup: RoleSetup): RoleState | undefined {
  const { record, peer } = state;
  const own = record.switchover;
  const theirs = peer?.switchover;
  if (own?.side === 'from' || theirs?.side !== 'from' || record.diverged) return undefined;
  const { id, epoch, automatic } = theirs;
  if (epoch.number <= record.voided || compareEpochs(epoch, record.maxEpoch) <= 0) return undefined;
  // An old word must neither undo the seal of a switchover that is committed nor promote a host that was overruled while it was
  // off: only what was said since this host started.
  const fresh = peer?.echo === state.boot;
  if (own?.id === id) return advanceTakingOver(state, own, theirs, fresh, setup);
  if (!state.fit || !fresh) return undefined;
  // The host that hands over has begun another one: what was sealed for the one before is open again.
  const open = { ...state, record: without(record, 'seal') };
  return begun(open, { id, epoch, right: 'planned', step: 'prepare', side: 'to', ...unasked(automatic) });
}

function advanceTakingOver(
  state: RoleState,
  own: Switchover,
  theirs: Switchover,
  fresh: boolean,
  setup: RoleSetup,
): RoleState | undefined {
  const { record, done } = state;
  const { finalSeq } = theirs;
  if (own.step === 'prepare') {
    return finalSeq === undefined ? undefined : atStep(state, own, 'final-ack', { finalSeq });
  }
  if (record.seal === undefined) {
    const seal = { switchId: own.id, epoch: record.epoch, seq: own.finalSeq! };
    return done.sealed ? recorded(state, { seal }) : undefined;
  }
  return fresh && reached(theirs, 'commit') ? promoted(state, { ...own, step: 'promote' }, setup) : undefined;
}

/** The host that has handed over. */
function advanceHandedOver(state: RoleState, setup: RoleSetup): RoleState | undefined {
  const { record, peer, done, asksVoid } = state;
  const own = record.switchover;
  if (record.role !== 'standby' || own?.side !== 'from' || peer === undefined) return undefined;
  if (own.step === 'commit') {
    if (peer.role === 'active' && compareEpochs(peer.epoch, own.epoch) === 0)
      return atStep(withoutAsking(state), own, 'release');
    if (asksVoid === undefined || peer.voided < asksVoid) return undefined;
    const epoch = { number: asksVoid + 1, holder: setup.self };
    const back = withoutAsking(ended(recorded(state, { role: 'active', epoch, maxEpoch: epoch })));
    return { ...back, leaseUntil: withoutArbiter(setup) };
  }
  if (own.step === 'release') return done.released ? atStep(state, own, 'reverse') : undefined;
  const over = peer.role === 'active' && (peer.switchover?.id !== own.id || peer.switchover.step === 'reverse');
  return over ? ended(state) : undefined;
}

function withoutAsking({ asksVoid: _asked, ...state }: RoleState): RoleState {
  return state;
}
