/** The session both engines talk through: what a damaged, silent or slow peer does to it. */
import { crc32 } from 'node:zlib';
import test from 'ava';
import { FrameWriter, LinkSession } from '../../daemon/link/session.ts';
import type { Clock, LinkStream, Timer } from '../../daemon/ports.ts';
import type { Fault } from '../../shared/faults.ts';
import { encodeFrame, FrameType, MAX_FRAME_BYTES, writeFrameHeader } from '../../shared/protocol/frame.ts';
import type { ControlMessage } from '../../shared/protocol/wire.ts';

class StepClock implements Clock {
  now = 1_000;
  private readonly timers: { at: number; run: () => void }[] = [];
  wallMs(): number {
    return this.now;
  }
  bootMs(): number {
    return this.now;
  }
  after(delayMs: number, run: () => void): Timer {
    const timer = { at: this.now + delayMs, run };
    this.timers.push(timer);
    return { cancel: () => this.timers.splice(this.timers.indexOf(timer) >>> 0, 1) };
  }
  advance(totalMs: number): void {
    const until = this.now + totalMs;
    for (;;) {
      const next = this.timers.filter((timer) => timer.at <= until).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.timers.splice(this.timers.indexOf(next), 1);
      this.now = Math.max(this.now, next.at);
      next.run();
    }
    this.now = until;
  }
}

class RecordingStream implements LinkStream {
  sent: Uint8Array[] = [];
  closed = false;
  peer: RecordingStream | undefined;
  onBytes: (bytes: Uint8Array) => void = () => {};
  onClose: (reason: string) => void = () => {};
  send(borrowed: Uint8Array): void {
    const bytes = borrowed.slice();
    this.sent.push(bytes);
    this.peer?.onBytes(bytes);
  }
  close(): void {
    this.closed = true;
    this.peer?.onClose('closed by the other side');
  }
}

interface Side {
  session: LinkSession;
  stream: RecordingStream;
  controls: ControlMessage[];
  frames: { type: number; payload: Uint8Array }[];
  closes: { reason: string; fault: Fault | undefined }[];
}

function side(clock: Clock, windowBytes?: number): Side {
  const stream = new RecordingStream();
  const controls: ControlMessage[] = [];
  const frames: Side['frames'] = [];
  const closes: Side['closes'] = [];
  const session = new LinkSession(
    stream,
    clock,
    {
      onControl: (message) => controls.push(message),
      onFrame: (type, payload) => {
        frames.push({ type, payload: payload.slice() });
        return false;
      },
      onClosed: (reason, fault) => closes.push({ reason, fault }),
    },
    windowBytes === undefined ? {} : { windowBytes },
  );
  return { session, stream, controls, frames, closes };
}

function pair(clock: Clock, windowBytes?: number): [Side, Side] {
  const a = side(clock, windowBytes);
  const b = side(clock, windowBytes);
  a.stream.peer = b.stream;
  b.stream.peer = a.stream;
  return [a, b];
}

const ack = (consumedBytes: number): ControlMessage => ({
  kind: 'ack',
  receivedSeq: 0,
  appliedSeq: 0,
  consumedBytes,
  spoolBytes: 0,
  parked: 0,
});

test('control messages and data frames arrive as sent, also when the stream is cut into single bytes', (t) => {
  const clock = new StepClock();
  const [a, b] = pair(clock);
  a.stream.peer = undefined;
  a.session.sendControl({ kind: 'sync-walked', syncId: 7 });
  const writer = new FrameWriter();
  writer.text('x').u32(5);
  t.is(a.session.sendFrame(FrameType.batch, writer), 6);
  t.is(writer.payloadBytes, 0);
  for (const bytes of a.stream.sent) for (const byte of bytes) b.stream.onBytes(Uint8Array.of(byte));
  t.deepEqual(b.controls, [{ kind: 'sync-walked', syncId: 7 }]);
  t.deepEqual(b.frames, [{ type: FrameType.batch, payload: Uint8Array.of(1, 0x78, 5, 0, 0, 0) }]);
  t.is(b.session.arrivedBytes, 6);
});

test('the window closes with what is sent and opens with what the other side consumed', (t) => {
  const [a, b] = pair(new StepClock(), 100);
  const writer = new FrameWriter();
  writer.space(80);
  a.session.sendFrame(FrameType.batch, writer);
  t.is(a.session.roomBytes, 20);
  writer.space(50);
  a.session.sendFrame(FrameType.syncNeed, writer);
  t.is(a.session.roomBytes, 20, 'needs are not windowed');
  b.session.sendControl(ack(80));
  t.is(a.session.roomBytes, 100);
});

test('a peer that sends beyond the window is cut off before it fills the memory; one that is acknowledged goes on', (t) => {
  const writer = new FrameWriter();
  const send = (from: Side) => {
    writer.space(MAX_FRAME_BYTES);
    from.session.sendFrame(FrameType.batch, writer);
  };
  const [honest, reader] = pair(new StepClock(), 100);
  for (let n = 1; n <= 5; n += 1) {
    send(honest);
    reader.session.sendControl(ack(n * MAX_FRAME_BYTES));
  }
  t.deepEqual([reader.frames.length, reader.closes], [5, []]);
  const [hostile, victim] = pair(new StepClock(), 100);
  for (let n = 0; n < 5; n += 1) send(hostile);
  t.is(victim.closes[0]?.fault?.code, 'LINK-FRAME');
  t.is(victim.frames.length, 1);
});

test('an acknowledgement of more than was sent ends the session', (t) => {
  const [a, b] = pair(new StepClock());
  b.session.sendControl(ack(1));
  t.is(a.closes[0]?.fault?.code, 'LINK-FRAME');
  t.true(a.stream.closed);
});

test('a damaged frame ends the session before anything of it is used', (t) => {
  for (const [name, damage] of [
    ['a payload byte', (bytes: Uint8Array) => bytes.set([bytes[20]! ^ 1], 20)],
    ['a header byte', (bytes: Uint8Array) => bytes.set([bytes[5]! ^ 1], 5)],
    ['the magic', (bytes: Uint8Array) => bytes.set([0], 0)],
  ] as const) {
    const target = side(new StepClock());
    const bytes = encodeFrame(FrameType.batch, new Uint8Array(64), crc32);
    damage(bytes);
    target.stream.onBytes(bytes);
    t.is(target.closes[0]?.fault?.code, 'LINK-FRAME', name);
    t.is(target.frames.length, 0, name);
    target.stream.onBytes(encodeFrame(FrameType.batch, new Uint8Array(1), crc32));
    t.is(target.frames.length, 0, `${name}: nothing after it either`);
  }
});

test('an oversized, unknown or invalid frame ends the session', (t) => {
  const header = new Uint8Array(16);
  writeFrameHeader(header, FrameType.batch, { length: MAX_FRAME_BYTES + 1 } as Uint8Array, () => 0);
  new DataView(header.buffer).setUint32(12, crc32(header.subarray(0, 12)), true);
  const text = (value: string): Uint8Array => encodeFrame(FrameType.control, new TextEncoder().encode(value), crc32);
  for (const bytes of [
    header,
    encodeFrame(9 as FrameType, new Uint8Array(1), crc32),
    text('{"kind":"ack"}'),
    text('{"kind":"surprise"}'),
    text('not json'),
    encodeFrame(FrameType.control, Uint8Array.of(0xff, 0xfe), crc32),
  ]) {
    const target = side(new StepClock());
    target.stream.onBytes(bytes);
    t.is(target.closes[0]?.fault?.code, 'LINK-FRAME');
  }
});

test('two idle sides keep the session and learn the round trip', (t) => {
  const clock = new StepClock();
  const [a, b] = pair(clock);
  clock.advance(60_000);
  t.is(a.closes.length + b.closes.length, 0);
  t.is(a.session.roundTripMs, 0);
});

test('a silent peer is given up after four intervals, and a busy thread of our own does not count', (t) => {
  const clock = new StepClock();
  const a = side(clock);
  clock.advance(3_500);
  t.is(a.closes.length, 0);
  clock.now += 60_000;
  clock.advance(3_500);
  t.is(a.closes.length, 0, 'a late tick is our own delay');
  clock.advance(5_000);
  t.is(a.closes.length, 1);
  t.regex(a.closes[0]!.reason, /no answer/);
  t.is(a.closes[0]!.fault, undefined);
});

test('closing tells the other side once and stops sending', (t) => {
  const [a, b] = pair(new StepClock());
  a.session.close('stop');
  a.session.close('again');
  const before = a.stream.sent.length;
  a.session.sendControl({ kind: 'sync-walked', syncId: 1 });
  t.is(a.stream.sent.length, before);
  t.deepEqual([a.closes.length, b.closes.length], [1, 1]);
});
