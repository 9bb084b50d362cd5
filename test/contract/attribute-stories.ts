/** What every RootTree promises about attributes, of the kinds its volume holds. */
import type { RootTree } from '../../daemon/ports.ts';
import {
  ALL_KINDS,
  type Attribute,
  type AttributeBytes,
  decodeAttributes,
  encodeAttributes,
  kindBit,
  NO_ATTRIBUTES,
} from '../../shared/attributes.ts';
import { put, type Story } from './story.ts';

function holds(tree: RootTree, kind: Attribute['kind']): boolean {
  return (tree.capabilities.attributeKinds & kindBit(kind)) !== 0;
}

function attributesAt(tree: RootTree, path: string): AttributeBytes {
  const slash = path.lastIndexOf('/');
  const name = path.slice(slash + 1);
  return tree.attributesOf(slash < 0 ? '' : path.slice(0, slash), [name]).get(name) ?? NO_ATTRIBUTES;
}

function toSet(...attributes: Attribute[]) {
  return { kinds: ALL_KINDS, bytes: encodeAttributes(attributes) };
}

/** user::rw-, user:1234:r-x, group::r--, mask::r-x, other::--- as the kernel keeps it (linux/posix_acl_xattr.h). */
const ACCESS_LIST = Buffer.from(
  '0200000001000600ffffffff02000500d2040000 04000400ffffffff10000500ffffffff20000000ffffffff'.replaceAll(' ', ''),
  'hex',
);
const TAG: Attribute = { kind: 'xattr', name: 'user.tag', value: Buffer.from('blue') };
const BINARY: Attribute = { kind: 'xattr', name: 'user.\u00e4', value: Buffer.from([0, 255, 0]) };
const EMPTY: Attribute = { kind: 'xattr', name: 'user.empty', value: Buffer.alloc(0) };
const WINDOWS: readonly Attribute[] = [
  { kind: 'nt-security', name: '', value: Buffer.from('O:BAG:SYD:P(A;;FA;;;BA)') },
  { kind: 'nt-attributes', name: '', value: Buffer.from([0x22, 0, 0, 0]) },
  { kind: 'nt-stream', name: 'Zone.Identifier', value: Buffer.from('[ZoneTransfer]\r\nZoneId=3') },
];
const ACL: Attribute = { kind: 'posix-acl', name: 'access', value: ACCESS_LIST };

export function attributeStories(story: Story): void {
  story('a new file has exactly the attributes it was given, and its mode and time', (t, { tree }) => {
    if (!holds(tree, 'xattr')) return;
    const attributes = toSet(TAG, BINARY, EMPTY);
    put(tree, 'file', 'x', { mode: 0o640, mtimeNs: 1_600_000_000_123_456_789n, attributes });
    t.deepEqual(attributesAt(tree, 'file'), attributes.bytes);
    t.like(tree.stat('file'), { mode: 0o640, mtimeNs: 1_600_000_000_123_456_789n });
    const file = tree.openRead('file');
    t.deepEqual(file.attributes(), attributes.bytes);
    file.close();
  });

  story('setting attributes replaces those of the named kinds and keeps the time', (t, { tree }) => {
    if (!holds(tree, 'xattr')) return;
    tree.makeDirectory('dir', { mtimeNs: 1_600_000_000_000_000_000n, attributes: toSet(TAG, BINARY) });
    tree.setMetadata('dir', { mtimeNs: 1_600_000_000_000_000_000n, attributes: toSet(EMPTY, TAG) });
    t.deepEqual(attributesAt(tree, 'dir'), toSet(EMPTY, TAG).bytes);
    t.is(tree.stat('dir')!.mtimeNs, 1_600_000_000_000_000_000n);
    tree.setMetadata('dir', { attributes: { kinds: kindBit('posix-acl'), bytes: NO_ATTRIBUTES } });
    t.deepEqual(attributesAt(tree, 'dir'), toSet(EMPTY, TAG).bytes);
    tree.setMetadata('', { attributes: toSet(TAG) });
    t.deepEqual(attributesAt(tree, ''), toSet(TAG).bytes);
    tree.setMetadata('dir', { attributes: toSet() });
    t.deepEqual(attributesAt(tree, 'dir'), NO_ATTRIBUTES);
  });

  story('an access list comes back bit by bit, with set-user-id and the mode it implies', (t, { tree }) => {
    if (!holds(tree, 'posix-acl')) return;
    put(tree, 'file', 'x', { mode: 0o4650, attributes: toSet(ACL, TAG) });
    t.deepEqual(attributesAt(tree, 'file'), toSet(ACL, TAG).bytes);
    t.is(tree.stat('file')!.mode, 0o4650);
    tree.setMetadata('file', { mode: 0o600, attributes: toSet(TAG) });
    t.deepEqual(attributesAt(tree, 'file'), toSet(TAG).bytes);
    t.is(tree.stat('file')!.mode, 0o600);
  });

  story('what is made below a directory with a default access list has only what it was given', (t, { tree }) => {
    if (!holds(tree, 'posix-acl')) return;
    const inherited: Attribute = { ...ACL, name: 'default' };
    tree.makeDirectory('dir', { mode: 0o750, attributes: toSet(inherited) });
    tree.makeDirectory('dir/plain', { mode: 0o755, attributes: toSet() });
    put(tree, 'dir/file', 'x', { mode: 0o644, attributes: toSet() });
    t.deepEqual([...tree.attributesOf('dir', ['', 'plain', 'file'])], [['', toSet(inherited).bytes]]);
    t.is(tree.stat('dir/plain')!.mode, 0o755);
    t.is(tree.stat('dir/file')!.mode, 0o644);
  });

  story('attributes stay with a file that is renamed, kept and restored; a link has its own', (t, { tree }) => {
    if (!holds(tree, 'xattr')) return;
    put(tree, 'file', 'x', { attributes: toSet(TAG) });
    if (tree.capabilities.symlinks) {
      tree.makeSymlink('link', 'file', { attributes: toSet() });
      t.deepEqual(attributesAt(tree, 'link'), NO_ATTRIBUTES);
    }
    tree.rename('file', 'renamed');
    tree.keep('renamed', 'k');
    tree.restore('k', 'back');
    t.deepEqual(attributesAt(tree, 'back'), toSet(TAG).bytes);
  });

  story('security, attributes and streams of Windows come back bit by bit, kind by kind', (t, { tree }) => {
    if (!WINDOWS.every(({ kind }) => holds(tree, kind))) return;
    put(tree, 'file', 'x', { attributes: toSet(...WINDOWS) });
    tree.makeDirectory('dir', { attributes: toSet(WINDOWS[0]!) });
    t.deepEqual(attributesAt(tree, 'file'), toSet(...WINDOWS).bytes);
    t.deepEqual(attributesAt(tree, 'dir'), toSet(WINDOWS[0]!).bytes);
    const other: Attribute = { ...WINDOWS[0]!, value: Buffer.from('O:SYG:SYD:') };
    tree.setMetadata('file', { attributes: { kinds: kindBit('nt-security'), bytes: encodeAttributes([other]) } });
    t.deepEqual(attributesAt(tree, 'file'), toSet(other, ...WINDOWS.slice(1)).bytes);
    tree.rename('file', 'dir/renamed');
    const file = tree.openRead('dir/renamed');
    t.deepEqual(file.attributes(), toSet(other, ...WINDOWS.slice(1)).bytes);
    file.close();
    if (tree.capabilities.hardLinks) {
      tree.makeLink('dir/renamed', 'second');
      t.deepEqual(attributesAt(tree, 'second'), toSet(other, ...WINDOWS.slice(1)).bytes);
    }
    tree.keep('dir', 'k');
    tree.restore('k', 'back');
    t.deepEqual(attributesAt(tree, 'back/renamed'), toSet(other, ...WINDOWS.slice(1)).bytes);
    put(tree, 'back/renamed', 'new', { attributes: toSet() });
    t.deepEqual(attributesAt(tree, 'back/renamed'), NO_ATTRIBUTES);
  });

  story('attributes the volume cannot hold are handed back, all others are set', (t, { tree }) => {
    if (holds(tree, 'nt-security')) return;
    const foreign: Attribute = { kind: 'nt-security', name: '', value: Buffer.from('O:BA') };
    const large: Attribute = { kind: 'xattr', name: 'user.large', value: Buffer.alloc(60_000, 1) };
    const given = holds(tree, 'xattr') ? [TAG, foreign, large] : [foreign];
    let refused: AttributeBytes = NO_ATTRIBUTES;
    const onRefused = (bytes: AttributeBytes) => {
      refused = bytes;
    };
    put(tree, 'file', 'x', { attributes: { ...toSet(...given), onRefused } });
    const kept = decodeAttributes(attributesAt(tree, 'file'));
    const all = encodeAttributes([...kept, ...decodeAttributes(refused)]);
    t.deepEqual(all, encodeAttributes(given));
    t.true(decodeAttributes(refused).some(({ kind }) => kind === 'nt-security'));
    if (holds(tree, 'xattr')) t.true(kept.some(({ name }) => name === 'user.tag'));
    t.is(
      t.faultCode(() => put(tree, 'other', 'x', { attributes: toSet(foreign) })),
      'FS-UNSUPPORTED',
    );
    t.is(tree.stat('other'), undefined);
  });
}
