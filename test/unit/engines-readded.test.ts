/** A Replica that was taken out of the scenario comes back with what it had: that is never called current without proof. */
import test from 'ava';
import type { EngineConfig } from '../../daemon/engine/engine-protocol.ts';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import { EnginePair } from '../memory/engine-pair.ts';

const hasher = await createContentHasher();

class Membership extends EnginePair {
  /** Who is configured when the Master's engine starts. */
  replicas: readonly string[] = ['replica'];

  protected override config(role: 'master' | 'replica'): EngineConfig {
    const config = super.config(role);
    return role === 'master' ? { ...config, replicas: this.replicas } : config;
  }

  restartMaster(replicas: readonly string[]): void {
    this.stopMaster();
    this.replicas = replicas;
    this.startMaster();
  }
}

test('taken out while nobody else has the data, changed meanwhile, added again: it is synchronized, not believed', (t) => {
  const pair = new Membership(hasher);
  t.teardown(() => pair.close());
  pair.user.writeFile('page', 'old');
  pair.user.writeFile('gone', 'soon');
  pair.start();
  pair.synchronize();
  pair.barrier();
  // Another one takes its place and never comes.
  pair.restartMaster(['other']);
  pair.clock.advance(2_000);
  pair.user.writeFile('page', 'new');
  pair.user.remove('gone');
  pair.clock.advance(2_000);
  pair.restartMaster(['replica']);
  pair.connect();
  pair.clock.advance(5_000);
  const believed = pair.masterStatus?.peers.replica?.synchronized;
  if (believed === true) pair.barrier();
  else pair.synchronize();
  t.deepEqual(pair.replicaView(), pair.masterView());
  t.false(believed);
});
