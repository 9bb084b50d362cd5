/**
 * System tools that tests use, each with the Debian package that brings it. Without a tool its tests are skipped, loudly; with
 * MAINSTAY_NO_SKIP=1 (set by CI=true) they run all the same and fail, so that nothing goes untested unseen.
 */
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export const TOOL_PACKAGES = {
  arping: 'iputils-arping',
  chattr: 'e2fsprogs',
  dig: 'bind9-dnsutils',
  etcd: 'etcd-server',
  faketime: 'faketime',
  git: 'git',
  ip: 'iproute2',
  keepalived: 'keepalived',
  kinit: 'krb5-user',
  ldapmodify: 'ldap-utils',
  lsyncd: 'lsyncd',
  mount: 'mount',
  named: 'bind9',
  nft: 'nftables',
  nginx: 'nginx',
  nsupdate: 'bind9-dnsutils',
  openssl: 'openssl',
  ping: 'iputils-ping',
  rsync: 'rsync',
  samba: 'samba',
  setfacl: 'acl',
  setfattr: 'attr',
  sqlite3: 'sqlite3',
  ss: 'iproute2',
  ssh: 'openssh-client',
  sshd: 'openssh-server',
  strace: 'strace',
  tar: 'tar',
  tmux: 'tmux',
  vim: 'vim',
  wine: 'wine',
} as const;
export type ToolName = keyof typeof TOOL_PACKAGES;

const SYSTEM_FOLDERS = ['/usr/sbin', '/sbin', '/usr/local/sbin'];

export function hasTool(tool: string): boolean {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...SYSTEM_FOLDERS];
  return folders.some((folder) => {
    try {
      const path = join(folder, tool);
      accessSync(path, constants.X_OK);
      return statSync(path).isFile();
    } catch {
      return false;
    }
  });
}

export function missingTools(tools: readonly ToolName[]): ToolName[] {
  return tools.filter((tool) => !hasTool(tool));
}

/** npm puts the programs of packages before those of the system; one is called nft, ends with 0 and is no packet filter. */
export function pathWithoutPackages(): string {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders.filter((folder) => !folder.endsWith(join('node_modules', '.bin'))).join(delimiter);
}

/** What a person has to type to get the tools. */
export function installHint(tools: readonly ToolName[]): string {
  const packages = [...new Set(tools.map((tool) => TOOL_PACKAGES[tool]))];
  return `apt-get install --no-install-recommends ${packages.join(' ')}`;
}

/** Whether a skip must count as a failure: on CI everything runs. */
export function skippingForbidden(): boolean {
  return process.env.MAINSTAY_NO_SKIP === '1' || process.env.CI === 'true';
}
