import test from 'ava';
import { createContentHasher } from '../../daemon/link/content-hash.ts';
import {
  type Attribute,
  decodeAttributes,
  encodeAttributes,
  kindBit,
  mergeAttributes,
  NO_ATTRIBUTES,
  sameAttributes,
  selectKinds,
} from '../../shared/attributes.ts';
import { EnginePair } from '../memory/engine-pair.ts';

const hasher = await createContentHasher();

function attribute(kind: Attribute['kind'], name: string, value: string | Uint8Array): Attribute {
  return { kind, name, value: Buffer.from(value) };
}

const TAG = attribute('xattr', 'user.tag', 'blue');
const OTHER = attribute('xattr', 'user.other', Buffer.from([0, 255, 10]));
const ACL = attribute('posix-acl', 'access', Buffer.from([2, 0, 0, 0, 1, 0, 6, 0]));

function withPair(run: (pair: EnginePair) => void, options: ConstructorParameters<typeof EnginePair>[1] = {}): void {
  const pair = new EnginePair(hasher, options);
  try {
    run(pair);
  } finally {
    pair.close();
  }
}

test('attributes are the same bytes whatever order they were found in', (t) => {
  const bytes = encodeAttributes([ACL, TAG, OTHER]);
  t.deepEqual(encodeAttributes([OTHER, ACL, TAG]), bytes);
  t.deepEqual(
    decodeAttributes(bytes).map(({ name }) => name),
    ['user.other', 'user.tag', 'access'],
  );
  t.true(sameAttributes(selectKinds(bytes, kindBit('posix-acl')), encodeAttributes([ACL])));
  t.is(selectKinds(bytes, kindBit('nt-stream')).length, 0);
  const merged = mergeAttributes(encodeAttributes([TAG]), encodeAttributes([attribute('xattr', 'user.tag', 'red')]));
  t.is(Buffer.from(decodeAttributes(merged)[0]!.value).toString(), 'red');
  t.true(sameAttributes(NO_ATTRIBUTES, encodeAttributes([])));
});

test('a first synchronization copies the attributes of files, directories and the root', (t) => {
  withPair((pair) => {
    pair.user.makeDirectory('dir');
    pair.user.writeFile('dir/a', 'a');
    pair.user.writeFile('b', 'b');
    pair.user.makeSymlink('link', 'b');
    pair.user.setAttributes('dir/a', [TAG, ACL]);
    pair.user.setAttributes('dir', [ACL]);
    pair.user.setAttributes('', [OTHER]);
    pair.user.setAttributes('link', [attribute('xattr', 'trusted.on-a-link', 'x')]);
    pair.start();
    pair.synchronize();
    pair.barrier();
    t.deepEqual(pair.replicaView(), pair.masterView());
    t.true(pair.replicaView().get('dir/a')!.includes('blue'));
  });
});

test('attributes set, changed and removed while replicating arrive, without the content being sent again', (t) => {
  withPair((pair) => {
    pair.user.makeDirectory('dir');
    pair.user.writeFile('dir/large', Buffer.alloc(3_000_000, 7));
    pair.start();
    pair.synchronize();
    pair.barrier();
    pair.run(5_000);
    const before = pair.sentBytes;
    for (const attributes of [[TAG], [TAG, OTHER], [attribute('xattr', 'user.tag', 'red')], []]) {
      pair.user.setAttributes('dir/large', attributes);
      pair.user.setAttributes('dir', attributes);
      pair.barrier();
      t.deepEqual(pair.replicaView(), pair.masterView());
      // Two changes in one tick of a coarse clock could not be told apart, so they would be sent whole.
      pair.run(3_000);
    }
    t.true(pair.sentBytes - before < 100_000, `${pair.sentBytes - before} bytes`);
  });
});

test('a file renamed and given attributes at once keeps its new name and its attributes', (t) => {
  withPair((pair) => {
    pair.user.makeDirectory('dir');
    pair.user.writeFile('dir/file', 'x');
    pair.start();
    pair.synchronize();
    pair.barrier();
    pair.user.rename('dir', 'moved');
    pair.user.setAttributes('moved', [TAG]);
    pair.user.rename('moved/file', 'moved/other');
    pair.user.setAttributes('moved/other', [OTHER]);
    pair.barrier();
    t.deepEqual(pair.replicaView(), pair.masterView());
  });
});

test('a second synchronization finds attributes that differ on either side', (t) => {
  withPair((pair) => {
    for (const name of ['a', 'b', 'c', 'd']) pair.user.writeFile(name, name);
    pair.user.setAttributes('b', [TAG]);
    pair.start();
    pair.synchronize();
    pair.barrier();
    const { volume } = pair.replicaTree;
    volume.setMetadata(pair.replicaTree.place('b').node!, {}, NO_ATTRIBUTES);
    volume.setMetadata(pair.replicaTree.place('c').node!, {}, encodeAttributes([OTHER]));
    t.deepEqual(
      pair.diff().differences.map(({ path, kind }) => `${path} ${kind}`),
      ['b metadata', 'c metadata'],
    );
    const result = pair.synchronize({ ignoreSame: false });
    t.is(result.metadataOnly, 2);
    t.is(result.sentFiles, 0);
    t.deepEqual(pair.replicaView(), pair.masterView());
  });
});

test('what changed while the Master was stopped is found by the next synchronization', (t) => {
  withPair((pair) => {
    for (const name of ['a', 'b', 'c']) pair.user.writeFile(name, name);
    pair.user.setAttributes('a', [TAG]);
    pair.start();
    pair.synchronize();
    pair.barrier();
    pair.run(5_000);
    pair.stopMaster();
    pair.user.setAttributes('a', []);
    pair.user.setAttributes('b', [ACL]);
    pair.startMaster();
    pair.connect();
    pair.synchronize();
    pair.barrier();
    t.deepEqual(pair.replicaView(), pair.masterView());
  });
});

test('without Replicate ACL those of the Replica are left alone and other attributes are replicated', (t) => {
  withPair(
    (pair) => {
      pair.user.writeFile('a', 'a');
      pair.user.setAttributes('a', [ACL, TAG]);
      pair.start();
      pair.synchronize();
      pair.barrier();
      t.deepEqual(pair.replicaTree.place('a').node!.attributes, encodeAttributes([TAG]));
      const own = attribute('posix-acl', 'access', 'mine');
      pair.replicaTree.volume.setMetadata(pair.replicaTree.place('a').node!, {}, encodeAttributes([own, TAG]));
      pair.run(5_000);
      pair.user.setAttributes('a', [ACL, OTHER]);
      pair.barrier();
      t.deepEqual(pair.replicaTree.place('a').node!.attributes, encodeAttributes([own, OTHER]));
      t.true(pair.diff().identical);
    },
    { attributeKinds: kindBit('xattr') },
  );
});

test('after a crash of the Replica its attributes are as they were applied', (t) => {
  withPair((pair) => {
    pair.user.writeFile('a', 'a');
    pair.user.setAttributes('a', [TAG]);
    pair.start();
    pair.synchronize();
    pair.barrier();
    for (let round = 0; round < 20; round += 1) {
      pair.user.setAttributes('a', [attribute('xattr', 'user.round', String(round))]);
      pair.user.setAttributes('', round % 2 === 0 ? [OTHER] : []);
      pair.run(round * 7);
      pair.killReplica();
      pair.startReplica();
      pair.connect();
      pair.barrier();
      t.deepEqual(pair.replicaView(), pair.masterView(), `round ${round}`);
    }
  });
});
