/** When capture counts as alive. */
import test from 'ava';
import { MasterBarriers } from '../../daemon/engine/master-barrier.ts';

type Ports = ConstructorParameters<typeof MasterBarriers>[0];

/** With cookies that are only dropped; `nowMs` may be moved. */
function world() {
  const dropped: string[] = [];
  const time = { nowMs: 0 };
  const ports = {
    clock: { bootMs: () => time.nowMs },
    trees: [{ dropCookie: (name: string) => dropped.push(name) }],
    newName: () => `cookie-${dropped.length}`,
  } as unknown as Ports;
  return { barriers: new MasterBarriers(ports), dropped, time };
}

test('who waits for capture since before it began is told in turn by the first answer, not only by one of its own', (t) => {
  const { barriers, dropped, time } = world();
  const told: string[] = [];
  barriers.whenCaptureIsAlive(10_000, (alive) => told.push(`recovery ${alive}`));
  time.nowMs = 100;
  barriers.whenCaptureIsAlive(10_000, (alive) => told.push(`synchronization ${alive}`));
  t.deepEqual(dropped, ['cookie-0', 'cookie-1']);
  t.deepEqual(told, []);
  // The first was dropped before anybody watched.
  barriers.takeCookie(0, 'cookie-1');
  t.deepEqual(told, ['recovery true', 'synchronization true']);
  barriers.whenCaptureIsAlive(0, (alive) => told.push(`later ${alive}`));
  t.is(told.at(-1), 'later true');
});

test('capture that does not answer is told as not alive when the time is up', (t) => {
  const { barriers, time } = world();
  const told: boolean[] = [];
  barriers.whenCaptureIsAlive(1_000, (alive) => told.push(alive));
  time.nowMs = 999;
  barriers.step();
  t.deepEqual(told, []);
  time.nowMs = 1_000;
  barriers.step();
  t.deepEqual(told, [false]);
});
