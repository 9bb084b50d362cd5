/** Two hosts whose arbiter is a key in etcd: late, lost and doubled questions and answers, restarts, two that ask at once. In virtual time. */
import test from 'ava';
import type { ArbiterAnswer } from '../../daemon/switchover/ports.ts';
import { EtcdArbiter } from '../../daemon/witness/etcd-arbiter.ts';
import { EtcdGateway } from '../../daemon/witness/etcd-gateway.ts';
import type { Epoch } from '../../shared/role.ts';
import { SeededRandom, SimulatedClock } from '../memory/clock.ts';

const LEASE_MS = 1_000;
const MARGIN_MS = 100;
type Way = 'good' | 'question-lost' | 'answer-lost' | 'doubled';

interface Question {
  readonly key?: string;
  readonly compare?: readonly [{ readonly mod_revision: string }];
  readonly success?: readonly [{ readonly request_put: { readonly value: string } }];
}

/** One key, as the gateway answers it. */
class FakeEtcd {
  readonly clock = new SimulatedClock();
  revision = 1;
  written = 0;
  value = '';
  way: () => { way: Way; thereMs: number; backMs: number; againMs: number } = () => ({
    way: 'good',
    thereMs: 5,
    backMs: 5,
    againMs: 0,
  });

  answer(body: Question): unknown {
    const found = { kvs: this.written === 0 ? [] : [{ mod_revision: String(this.written), value: this.value }] };
    const header = () => ({ cluster_id: '7', revision: String(this.revision) });
    if (body.compare === undefined) return { header: header(), ...found };
    if (Number(body.compare[0].mod_revision) !== this.written)
      return { header: header(), responses: [{ response_range: found }] };
    this.revision += 1;
    this.written = this.revision;
    this.value = body.success![0].request_put.value;
    return { header: header(), succeeded: true, responses: [{ response_put: {} }] };
  }

  post = (_url: string, body: unknown, _headers: object, timeoutMs: number) =>
    new Promise<{ status: number; body: unknown }>((resolve, reject) => {
      const { way, thereMs, backMs, againMs } = this.way();
      this.clock.after(timeoutMs, () => reject(new Error('no answer')));
      if (way === 'question-lost') return;
      this.clock.after(thereMs, () => {
        const answer = this.answer(body as Question);
        if (way !== 'answer-lost') this.clock.after(backMs, () => resolve({ status: 200, body: answer }));
      });
      // A proxy that sends it once more, much later.
      if (way === 'doubled') this.clock.after(thereMs + againMs, () => this.answer(body as Question));
    });

  arbiter(self: string, other: string, aheadMs = 0): EtcdArbiter {
    const clock = { ...CLOCKLESS, bootMs: () => this.clock.bootMs() + aheadMs };
    const connect = () => ({ post: this.post, close: () => undefined });
    const gateway = new EtcdGateway({ members: ['http://e:1'], clock, user: () => undefined, connect });
    const hosts = { scenarioId: 's', self, other, leaseMs: LEASE_MS, marginMs: MARGIN_MS };
    return new EtcdArbiter(hosts, gateway, clock);
  }

  async of<T>(question: Promise<T>): Promise<T> {
    let isOver = false;
    const over = () => {
      isOver = true;
    };
    question.then(over, over);
    for (let ms = 0; ms < 60_000 && !isOver; ms += 1) await this.pass(1);
    return await question;
  }

  /** The first lease of a key that is not there yet. */
  async begin(arbiter: EtcdArbiter, epoch: Epoch): Promise<ArbiterAnswer> {
    for (;;) {
      const answer = await this.of(arbiter.renew(epoch, true));
      if (answer.type === 'lease') return answer;
      await this.pass(20);
    }
  }

  async pass(ms: number): Promise<void> {
    for (let past = 0; past < ms; past += 1) {
      this.clock.advance(1);
      for (let turn = 0; turn < 12; turn += 1) await Promise.resolve();
    }
  }
}

const CLOCKLESS = { wallMs: () => 0, after: () => ({ cancel: () => undefined }) };
const epochOf = (number: number, holder: string): Epoch => ({ number, holder });

test('the holder renews; another host gets it a lease and a margin after it has seen the last writing, not before', async (t) => {
  const etcd = new FakeEtcd();
  const [a, b] = [etcd.arbiter('a', 'b'), etcd.arbiter('b', 'a', 77_000)];
  await etcd.begin(a, epochOf(1, 'a'));
  const sentAt = etcd.clock.bootMs();
  const lease = await etcd.of(a.renew(epochOf(1, 'a'), true));
  t.deepEqual(lease, { type: 'lease', epoch: epochOf(1, 'a'), sentAt }, 'counted from before the writing was sent');
  await etcd.of(b.look());
  const seen = etcd.clock.bootMs();
  let answer: ArbiterAnswer = await etcd.of(b.request(1));
  t.deepEqual(answer, { type: 'refused', epoch: epochOf(1, 'a') });
  while (answer.type !== 'lease') {
    await etcd.pass(20);
    answer = await etcd.of(b.request(1));
  }
  t.deepEqual(answer.epoch, epochOf(2, 'b'));
  const waited = answer.sentAt - 77_000 - seen;
  t.true(waited >= LEASE_MS + MARGIN_MS && waited < LEASE_MS + MARGIN_MS + 60, `${waited} ms`);
  t.deepEqual(await etcd.of(a.renew(epochOf(1, 'a'), true)), { type: 'refused', epoch: epochOf(2, 'b') });
});

test('a key that was lost gives nobody a lease while another may have one, and then not to a host that has just started', async (t) => {
  const etcd = new FakeEtcd();
  const [a, b] = [etcd.arbiter('a', 'b'), etcd.arbiter('b', 'a')];
  await etcd.of(b.look());
  const seen = etcd.clock.bootMs();
  t.is((await etcd.of(a.renew(epochOf(3, 'a'), true))).type, 'refused');
  t.is((await etcd.of(b.request(2))).type, 'refused');
  await etcd.pass(LEASE_MS + MARGIN_MS);
  t.is((await etcd.of(b.renew(epochOf(2, 'b'), false))).type, 'refused');
  t.is((await etcd.begin(a, epochOf(3, 'a'))).type, 'lease');
  t.true(etcd.clock.bootMs() - seen >= LEASE_MS + MARGIN_MS);
});

test('a renewal whose answer is lost counts for the other host, and only for it', async (t) => {
  const etcd = new FakeEtcd();
  const [a, b] = [etcd.arbiter('a', 'b'), etcd.arbiter('b', 'a')];
  await etcd.begin(a, epochOf(1, 'a'));
  await etcd.of(b.look());
  await etcd.pass(LEASE_MS);
  etcd.way = () => ({ way: 'answer-lost', thereMs: 5, backMs: 5, againMs: 0 });
  t.is((await etcd.of(a.renew(epochOf(1, 'a'), true))).type, 'silent');
  etcd.way = () => ({ way: 'good', thereMs: 5, backMs: 5, againMs: 0 });
  await etcd.pass(MARGIN_MS + 50);
  t.is((await etcd.of(b.request(1))).type, 'refused', 'the time begins anew');
  t.is((await etcd.of(a.renew(epochOf(1, 'a'), true))).type, 'lease');
});

test('of two that ask at once one gets it', async (t) => {
  const etcd = new FakeEtcd();
  const [a, b] = [etcd.arbiter('a', 'b'), etcd.arbiter('b', 'a')];
  await etcd.of(Promise.all([a.look(), b.look()]));
  await etcd.pass(LEASE_MS + MARGIN_MS + 1);
  const answers = await etcd.of(Promise.all([a.request(1), b.request(1)]));
  t.deepEqual(answers.map(({ type }) => type).sort(), ['lease', 'refused']);
});

test('what an operator decides is written at once, and its holder waits for the end of the other’s lease, over a restart too', async (t) => {
  const etcd = new FakeEtcd();
  const a = etcd.arbiter('a', 'b');
  await etcd.begin(a, epochOf(1, 'a'));
  const until = etcd.clock.bootMs() + LEASE_MS;
  t.is((await etcd.of(etcd.arbiter('b', 'a').enforce(epochOf(2, 'b')))).type, 'refused');
  t.is((await etcd.of(a.renew(epochOf(1, 'a'), true))).type, 'refused', 'overruled');
  const restarted = etcd.arbiter('b', 'a');
  let answer = await etcd.of(restarted.renew(epochOf(2, 'b'), true));
  t.is(answer.type, 'refused');
  while (answer.type !== 'lease') {
    await etcd.pass(20);
    answer = await etcd.of(restarted.renew(epochOf(2, 'b'), true));
  }
  t.true(etcd.clock.bootMs() > until);
});

test('a key of other hosts, and one that is no register, answer nothing', async (t) => {
  const etcd = new FakeEtcd();
  await etcd.begin(etcd.arbiter('x', 'y'), epochOf(1, 'x'));
  t.is((await etcd.of(etcd.arbiter('a', 'b').renew(epochOf(1, 'a'), true))).type, 'silent');
  etcd.value = Buffer.from('{}').toString('base64');
  t.is((await etcd.of(etcd.arbiter('x', 'y').renew(epochOf(1, 'x'), true))).type, 'silent');
});

interface ChaosHost {
  readonly self: 'a' | 'b';
  readonly other: 'a' | 'b';
  arbiter: EtcdArbiter;
  own: Epoch | undefined;
  highest: number;
}

/** Both hosts ask what they like, as often as they like; what they may do follows from their answers only. */
class Chaos {
  readonly etcd = new FakeEtcd();
  readonly random: SeededRandom;
  /** When a host may be reached, by the time of the world. */
  readonly openUntil = { a: 0, b: 0 };
  readonly violations: string[] = [];
  leases = 0;

  constructor(seed: number) {
    this.random = new SeededRandom(seed);
    this.etcd.way = () => {
      const kind = this.below(20);
      const way: Way = kind === 0 ? 'question-lost' : kind === 1 ? 'answer-lost' : kind === 2 ? 'doubled' : 'good';
      const slow = this.below(10) === 0 ? 400 : 30;
      return { way, thereMs: this.below(slow), backMs: this.below(slow), againMs: this.below(3_000) };
    };
  }

  below(limit: number): number {
    return this.random.below(limit);
  }

  async host(self: 'a' | 'b', other: 'a' | 'b'): Promise<void> {
    const aheadMs = this.below(1_000_000);
    const made = () => this.etcd.arbiter(self, other, aheadMs);
    const host: ChaosHost = {
      self,
      other,
      arbiter: made(),
      own: self === 'a' ? epochOf(1, 'a') : undefined,
      highest: 1,
    };
    while (this.etcd.clock.bootMs() < 30_000) {
      await this.sleep(this.below(15) === 0 ? this.below(4_000) : this.below(300));
      const chance = this.below(40);
      if (chance === 0) host.arbiter = made();
      const answer = await this.ask(host, chance);
      if (answer.type === 'silent') continue;
      host.highest = Math.max(host.highest, answer.epoch.number);
      host.own = answer.epoch.holder === self ? answer.epoch : undefined;
      if (answer.type === 'lease') this.opens(self, other, answer.sentAt - aheadMs + LEASE_MS);
    }
  }

  ask(host: ChaosHost, chance: number): Promise<ArbiterAnswer> {
    const { self, other, arbiter, own, highest } = host;
    if (own === undefined && chance === 1) {
      host.own = epochOf(highest + 1, self);
      return arbiter.enforce(host.own);
    }
    if (own === undefined) return arbiter.request(highest);
    if (chance !== 2) return arbiter.renew(own, true);
    // The gate is closed before it is handed over.
    this.openUntil[self] = 0;
    host.own = undefined;
    return arbiter.transfer(epochOf(own.number + 1, other));
  }

  opens(self: 'a' | 'b', other: 'a' | 'b', until: number): void {
    const now = this.etcd.clock.bootMs();
    if (until <= now) return;
    this.leases += 1;
    this.openUntil[self] = until;
    if (this.openUntil[other] > now) this.violations.push(`${self} at ${now}, ${other} until ${this.openUntil[other]}`);
  }

  sleep(ms: number): Promise<void> {
    return new Promise((done) => this.etcd.clock.after(ms, done));
  }

  async run(): Promise<void> {
    await this.etcd.of(Promise.all([this.host('a', 'b'), this.host('b', 'a')]));
  }
}

test('whatever is lost, late, doubled or restarted, two hosts never hold a lease at the same time', async (t) => {
  let leases = 0;
  for (let seed = 1; seed <= 40; seed += 1) {
    const chaos = new Chaos(seed);
    await chaos.run();
    t.deepEqual(chaos.violations, [], `seed ${seed}`);
    leases += chaos.leases;
  }
  t.true(leases > 1_000, `${leases} leases`);
  t.log(`${leases} leases`);
});
