/** Each widened part of the simulated world, with a defect put into it: the judge must see it within a few worlds. */
import test from 'ava';
import { RootAside } from '../../daemon/aside/kept-aside.ts';
import { MasterPeer } from '../../daemon/engine/master-peer.ts';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import type { WritableFile } from '../../daemon/ports.ts';
import { MemoryTree } from '../memory/tree.ts';
import { HostClock } from './host-clock.ts';
import type { WorldSettings } from './settings.ts';
import { World } from './world.ts';

const hasher = await createContentHasher();
const SEEDS = 40;

interface Mutation {
  readonly title: string;
  readonly settings: Partial<WorldSettings>;
  /** Puts the defect in; returns what takes it out again. */
  readonly mutate: () => () => void;
}

/** Replaces a method; returns what puts the old one back. */
function replace<Type extends object, Name extends keyof Type & string>(
  prototype: Type,
  name: Name,
  make: (before: Type[Name]) => Type[Name],
): () => void {
  const before = Object.getOwnPropertyDescriptor(prototype, name)!;
  Object.defineProperty(prototype, name, { ...before, value: make(before.value as Type[Name]) });
  return () => Object.defineProperty(prototype, name, before);
}

const MUTATIONS: readonly Mutation[] = [
  {
    title: 'a write into a large file that leaves its last byte out',
    settings: { shape: 'pair', patches: true },
    mutate: () =>
      replace(
        MemoryTree.prototype,
        'openWrite',
        (before) =>
          function (this: MemoryTree, path: string): WritableFile {
            const file = before.call(this, path);
            const write = file.write.bind(file);
            file.write = (bytes, position) => write(bytes.subarray(0, Math.max(1, bytes.length - 1)), position);
            return file;
          },
      ),
  },
  {
    title: 'what a volume refuses is not kept aside',
    settings: { shape: 'chain', replicaLacks: { posixModes: false, owners: false, attributeKinds: 0 } },
    mutate: () => replace(RootAside.prototype, 'keep', () => () => {}),
  },
  {
    title: 'intervals measured with a wall clock that somebody sets',
    settings: { shape: 'pair', wrongClocks: true },
    mutate: () =>
      replace(
        HostClock.prototype,
        'bootMs',
        (before) =>
          function (this: HostClock): number {
            return before.call(this) + this.wrongByMs;
          },
      ),
  },
  {
    title: 'a barrier that does not wait for a host whose trust was revoked',
    settings: { shape: 'chain', revokes: true },
    mutate: () =>
      replace(
        MasterPeer.prototype,
        'hasApplied',
        (before) =>
          function (this: MasterPeer, seq: number): boolean {
            return !this.connected || before.call(this, seq);
          },
      ),
  },
];

for (const { title, settings, mutate } of MUTATIONS) {
  test.serial(`seen: ${title}`, (t) => {
    t.timeout(60_000);
    const restore = mutate();
    try {
      const isSeen = Array.from({ length: SEEDS }, (_, n) => n + 1).some(
        (seed) => new World(seed, { hasher, settings }).run().problems.length > 0,
      );
      t.true(isSeen);
    } finally {
      restore();
    }
  });
}
