/** Is Alive with two real engines: who is down is said in time and with its cause, and who is only busy is not. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import type { HealthVerdict } from '../../shared/health.ts';
import { eventually, Pair } from './rig.ts';

const RULE = { heartbeatMs: 200, timeoutMs: 2_000 };
/** Other tests run beside this one: a kill, and a round, take their time. */
const BUSY_MS = 1_500;

async function site(): Promise<{ server: Server; url: string }> {
  const server = createServer((_request, response) => response.end('here'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` };
}

const closed = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.closeAllConnections();
    server.close(() => resolve());
  });

function watched(settings: Readonly<Record<string, unknown>> = {}): Promise<Pair> {
  return Pair.protectedPair({
    settings: { 'isAlive.heartbeatMs': RULE.heartbeatMs, 'isAlive.timeoutMs': RULE.timeoutMs, ...settings },
  });
}

async function verdictOf({ replica, master, scenario }: Pair): Promise<HealthVerdict | undefined> {
  const status = await replica.status(scenario);
  return status?.hosts.find(({ name }) => name === master.name)?.isAlive;
}

async function until(pair: Pair, what: string, is: (verdict: HealthVerdict) => boolean, limitMs = 15_000) {
  let last: HealthVerdict | undefined;
  try {
    return await eventually(what, limitMs, async () => {
      last = await verdictOf(pair);
      return last !== undefined && is(last) ? last : undefined;
    });
  } catch (error) {
    throw new Error(`the verdict stayed ${JSON.stringify(last)}`, { cause: error });
  }
}

const alive = (pair: Pair) => until(pair, 'the Master is alive', ({ state }) => state === 'alive');

test.serial(
  'a Master that is killed is down by its engine; the event says so in time, and that it is back',
  async (t) => {
    const pair = await watched();
    try {
      const before = await alive(pair);
      t.true(before.checks.some(({ name, state }) => name === 'engine' && state === 'passed'));
      t.true(
        before.checks.some(({ kind, state }) => kind === 'ping' && state === 'passed'),
        'ICMP works here',
      );
      await pair.replica.must('shadow', pair.scenario, 'on');
      const killed = Date.now();
      await pair.master.kill();
      const down = await until(pair, 'it is down', ({ state }) => state === 'down');
      t.like(down, { cause: 'peer', watchedBy: pair.replica.name, shadow: true });
      t.regex(down.reason, /engine/);
      const events = await pair.replica.events();
      const told = events.find(({ code }) => code === 'HLT-001')!;
      const tookMs = told.at - killed;
      t.log(`down after ${tookMs} ms`);
      t.true(tookMs >= RULE.timeoutMs - RULE.heartbeatMs, `already after ${tookMs} ms`);
      t.true(tookMs <= RULE.timeoutMs + RULE.heartbeatMs + BUSY_MS, `only after ${tookMs} ms`);
      t.truthy(
        events.find(({ code }) => code === 'HLT-006'),
        'shadow mode says that it would have switched over',
      );
      const text = await pair.replica.must('status', pair.scenario);
      t.regex(text, /is down \(the host is down\)/);
      t.regex(text, /would have switched over, because/);
      await pair.master.start();
      await alive(pair);
      t.truthy((await pair.replica.events()).find(({ code }) => code === 'HLT-005'));
    } finally {
      await pair.remove();
    }
  },
);

test.serial('a Master that is paused is down while its host answers a ping; going on, it is alive', async (t) => {
  const pair = await watched({ 'isAlive.referenceAddresses': ['127.0.0.1'] });
  try {
    await alive(pair);
    process.kill(pair.master.pid!, 'SIGSTOP');
    try {
      const down = await until(pair, 'it is down', ({ state }) => state === 'down');
      t.is(down.cause, 'peer');
      t.true(down.checks.some(({ kind, state }) => kind === 'reference' && state === 'passed'));
      t.true(down.checks.some(({ kind, state }) => kind === 'ping' && state === 'passed'));
    } finally {
      process.kill(pair.master.pid!, 'SIGCONT');
    }
    await alive(pair);
  } finally {
    await pair.remove();
  }
});

test.serial(
  'a site that closes is an application that is down, its engine is not; a silent engine with a site is neither',
  async (t) => {
    const { server, url } = await site();
    const pair = await watched({ 'isAlive.sites': [url] });
    try {
      t.true((await alive(pair)).checks.some(({ kind, detail }) => kind === 'site' && detail === 'status 200'));
      process.kill(pair.master.pid!, 'SIGSTOP');
      const unclear = await until(pair, 'it is not clear', ({ cause }) => cause !== undefined);
      t.like(unclear, { state: 'suspect', cause: 'inconclusive' });
      process.kill(pair.master.pid!, 'SIGCONT');
      await alive(pair);
      await closed(server);
      const down = await until(pair, 'the application is down', ({ state }) => state === 'down');
      t.is(down.cause, 'application');
      t.true(down.checks.some(({ name, state }) => name === 'engine' && state === 'passed'));
      t.regex(down.reason, /ECONNREFUSED/);
      t.false(
        (await pair.replica.events()).some(({ code }) => code === 'HLT-001'),
        'the host was never down',
      );
    } finally {
      server.close();
      await pair.remove();
    }
  },
);
