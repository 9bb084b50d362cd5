/**
 * The capture thread: one for the host. On Linux it waits in poll(2), so it looks for messages between two waits; what it
 * sees goes straight to the engines' threads.
 */
import { type MessagePort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { Fault } from '../../shared/faults.ts';
import { HintSink, type WatchedRoot } from '../platform/hint-sink.ts';
import { type CaptureDriver, loadCapture } from '../platform/select.ts';
import type { RootCapture } from '../ports.ts';
import type { CaptureAnswer, CaptureOrder, CaptureWorkerData } from './messages.ts';

/** Longest wait before messages are looked for, where an order cannot wake this thread; else the roots are looked at so often. */
const UNWOKEN_WAIT_MS = 50;
const LONGEST_WAIT_MS = 500;

const { port, allowed } = workerData as CaptureWorkerData;
const watches = new Map<number, { readonly port: MessagePort; readonly roots: readonly WatchedRoot[] }>();

function watchRoots(driver: CaptureDriver, id: number, roots: readonly string[], engine: MessagePort): CaptureAnswer {
  const sink = new HintSink((hints) => engine.postMessage(hints), driver.nowMs);
  const started: WatchedRoot[] = [];
  try {
    const choices: RootCapture[] = [];
    for (const [root, path] of roots.entries()) {
      const watched = { ...driver.prepare(path), root, sink };
      const choice = driver.watch(watched, (changed) => {
        choices[root] = changed;
        if (watches.has(id)) port.postMessage({ type: 'changed', id, choices } satisfies CaptureAnswer);
      });
      started.push(watched);
      choices[root] = choice;
    }
    watches.set(id, { port: engine, roots: started });
    return { type: 'watching', id, choices };
  } catch (error) {
    for (const watched of started) driver.unwatch(watched);
    engine.close();
    return { type: 'refused', id, fault: Fault.from(error).toDocument() };
  }
}

function unwatch(driver: CaptureDriver, id: number): void {
  const watch = watches.get(id);
  watches.delete(id);
  for (const watched of watch?.roots ?? []) driver.unwatch(watched);
  watch?.port.close();
}

/** False when the thread is to end. */
function obey(driver: CaptureDriver, order: CaptureOrder): boolean {
  if (order.type === 'stop') return false;
  if (order.type === 'watch') port.postMessage(watchRoots(driver, order.id, order.roots, order.port));
  else {
    unwatch(driver, order.id);
    port.postMessage({ type: 'unwatched', id: order.id } satisfies CaptureAnswer);
  }
  return true;
}

function finish(driver: CaptureDriver): void {
  for (const id of [...watches.keys()]) unwatch(driver, id);
  driver.close();
  port.close();
}

function runBlocking(driver: CaptureDriver, turn: (timeoutMs: number) => void): void {
  const waitMs = driver.wakeHandle !== undefined ? LONGEST_WAIT_MS : UNWOKEN_WAIT_MS;
  for (;;) {
    for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port)) {
      if (!obey(driver, next.message as CaptureOrder)) {
        finish(driver);
        return;
      }
    }
    turn(waitMs);
  }
}

const driver = await loadCapture(allowed);
port.postMessage({ type: 'ready', wakeHandle: driver.wakeHandle } satisfies CaptureAnswer);
if (driver.turn === undefined) {
  port.on('message', (order: CaptureOrder) => {
    if (!obey(driver, order)) finish(driver);
  });
} else {
  runBlocking(driver, driver.turn);
}
