/** `quarantine`: asks every host, because only the one that lost its role has something; without a name of all scenarios. */
import { resolve } from 'node:path';
import { Fault } from '../../shared/faults.ts';
import type { KeptState, QuarantineFileResult, QuarantineHead, QuarantineItem } from '../../shared/quarantine.ts';
import type { CommandResults } from '../../shared/results.ts';
import { formatBytes, formatCount } from '../../shared/units.ts';
import type { DaemonClient } from '../client.ts';
import { keptLines } from '../present/kept-file.ts';
import { lineText } from '../present/line.ts';
import { ask, type CommonOptions, type Context } from './context.ts';
import { DONE, FOUND } from './options.ts';
import { safe, table } from './text.ts';

export type QuarantineOptions = CommonOptions & {
  readonly to?: string;
  readonly path?: string;
  readonly root?: string;
};

const ACTS = { show, compare, return: putBack, extract, discard } as const;
const ACTIONS: readonly string[] = ['list', ...Object.keys(ACTS)];
const COPY_MS = 24 * 3_600_000;
const PAGE_MS = 60_000;

interface Found {
  readonly client: DaemonClient;
  readonly heads: readonly QuarantineHead[];
}

export async function quarantine(
  context: Context,
  options: QuarantineOptions,
  name?: string,
  action = 'list',
  id?: string,
): Promise<number> {
  if (!ACTIONS.includes(action)) throw new Fault('USAGE', { reason: `"${action}" is none of: ${ACTIONS.join(', ')}` });
  if (name === undefined) return await listAll(context, options);
  const found = await search(context, options, name);
  const heads = found.flatMap((one) => one.heads);
  if (action === 'list') {
    if (options.json === true) context.json({ name, quarantines: heads });
    else context.terminal.out(heads.length === 0 ? 'nothing is in quarantine\n' : listOf(heads));
    return DONE;
  }
  const chosen = id ?? heads[0]?.id;
  const holder = found.find((one) => one.heads.some((head) => head.id === chosen));
  // The active host asks the other one itself: who puts back need not reach it.
  const client = holder?.client ?? (action === 'return' ? found[0]?.client : undefined);
  if (chosen === undefined || client === undefined) throw new Fault('QUARANTINE-NOT-FOUND', { id: chosen ?? 'yet' });
  return await ACTS[action as keyof typeof ACTS](context, options, name, client, chosen);
}

/** Also what deleted scenarios left. */
async function listAll(context: Context, options: CommonOptions): Promise<number> {
  const { up, down } = await context.reachable(options);
  const answers = await Promise.all(
    up.map((client) => ask<CommandResults['scenario.quarantine']>(client, 'scenario.quarantine', {})),
  );
  const heads = answers.flatMap(({ quarantines }) => quarantines);
  if (options.json === true) context.json({ quarantines: heads });
  else context.terminal.out(heads.length === 0 ? 'nothing is in quarantine\n' : listOf(heads));
  for (const { client, fault } of down) context.note(`not asked: ${safe(client.host.name)}: ${safe(fault.message)}`);
  return DONE;
}

async function search(context: Context, options: CommonOptions, name: string): Promise<Found[]> {
  const { up, down } = await context.reachable(options);
  const found: Found[] = [];
  let refused: unknown;
  for (const client of up) {
    try {
      const { quarantines } = await ask<CommandResults['scenario.quarantine']>(client, 'scenario.quarantine', { name });
      found.push({ client, heads: quarantines });
    } catch (error) {
      refused = error;
    }
  }
  if (found.length > 0) return found;
  throw refused ?? down[0]?.fault ?? new Fault('SCENARIO-NOT-FOUND', { name });
}

function listOf(heads: readonly QuarantineHead[]): string {
  const rows = heads.map(({ id, host, items, bytes, epoch, scenario, deleted }) => [
    id,
    deleted ? `${scenario} (deleted)` : scenario,
    host,
    formatCount(items),
    formatBytes(bytes),
    `epoch ${epoch}`,
  ]);
  return table(['id', 'scenario', 'on', 'items', 'size', 'behind'], rows);
}

async function show(
  context: Context,
  options: CommonOptions,
  name: string,
  client: DaemonClient,
  id: string,
): Promise<number> {
  const items: QuarantineItem[] = [];
  for (let from: number | undefined = 0; from !== undefined; ) {
    const args: { name: string; id: string; from: number } = { name, id, from };
    const page = await ask<CommandResults['scenario.quarantine']>(client, 'scenario.quarantine', args);
    items.push(...(page.items ?? []));
    from = page.next;
  }
  if (options.json === true) context.json({ name, id, items });
  else context.terminal.out(table(['change', 'what', 'size', 'path'], items.map(rowOf)));
  return DONE;
}

function rowOf(item: QuarantineItem): string[] {
  const path = item.before === undefined ? item.path : `${item.path} (was ${item.before})`;
  return [item.kind, item.type, item.type === 'file' ? formatBytes(item.sizeBytes) : '', path];
}

/** All of it against what users have now, page by page; exit 7 when anything differs. */
async function compareAll(
  context: Context,
  options: QuarantineOptions,
  name: string,
  client: DaemonClient,
  id: string,
): Promise<number> {
  const found: { readonly root: number; readonly path: string; readonly state: KeptState }[] = [];
  for (let from: number | undefined = 0; from !== undefined; ) {
    const args: { name: string; id: string; from: number; compare: true } = { name, id, from, compare: true };
    const page = await ask<CommandResults['scenario.quarantine']>(client, 'scenario.quarantine', args, PAGE_MS);
    const { items = [], states = [] } = page;
    found.push(...items.map(({ root, path }, index) => ({ root: root + 1, path, state: states[index] ?? 'unknown' })));
    from = page.next;
  }
  const counts = { same: 0, differs: 0, unknown: 0 };
  for (const { state } of found) counts[state] += 1;
  if (options.json === true) context.json({ name, id, ...counts, items: found });
  else {
    context.terminal.out(
      table(
        ['now', 'root', 'path'],
        found.map(({ state, root, path }) => [state, String(root), path]),
      ),
    );
    context.note(
      `${formatCount(counts.differs)} differ, ${formatCount(counts.same)} are the same, ${formatCount(counts.unknown)} are not known`,
    );
  }
  return counts.differs > 0 ? FOUND : DONE;
}

function placeOf({ path, root }: QuarantineOptions): { root: number; path: string } {
  if (path === undefined) throw new Fault('USAGE', { reason: 'say which file with --path PATH' });
  const number = root === undefined ? 0 : Number(root) - 1;
  if (!Number.isInteger(number) || number < 0) throw new Fault('USAGE', { reason: '--root is a number from 1 on' });
  return { root: number, path };
}

/** Users have the kept version of one file from then on; what they had goes to quarantine on the active host. */
async function putBack(
  context: Context,
  options: QuarantineOptions,
  name: string,
  holder: DaemonClient,
  id: string,
): Promise<number> {
  const place = placeOf(options);
  const impact = `Users of "${safe(name)}" get the kept version of ${safe(place.path)}; theirs goes to quarantine.`;
  if (options.yes !== true) await context.confirmName(name, impact, `Putting ${place.path} back`, options);
  const client = await activeOf(context, options, name, holder);
  const args = { name, id, ...place };
  const result = await ask<CommandResults['scenario.quarantineReturn']>(
    client,
    'scenario.quarantineReturn',
    args,
    COPY_MS,
  );
  if (options.json === true) context.json({ name, id, path: place.path, ...result });
  else {
    const kept = result.kept === undefined ? 'nothing was there' : `what was there is in quarantine ${result.kept}`;
    context.terminal.out(`put back on ${safe(result.host)}; ${safe(kept)}\n`);
  }
  return DONE;
}

/** The daemon of the host that users are on; else whoever has the quarantine says why not. */
async function activeOf(context: Context, options: CommonOptions, name: string, otherwise: DaemonClient) {
  const { up } = await context.reachable(options);
  for (const client of up) {
    const { daemon, scenarios } = await context.snapshot(client);
    const found = scenarios.find((one) => one.name.toLowerCase() === name.toLowerCase());
    if (found?.active === daemon.name) return client;
  }
  return otherwise;
}

/** One file as it was kept against what users have now; exit 7 when they differ. */
async function compare(
  context: Context,
  options: QuarantineOptions,
  name: string,
  client: DaemonClient,
  id: string,
): Promise<number> {
  if (options.path === undefined) return await compareAll(context, options, name, client, id);
  const args = { name, id, ...placeOf(options) };
  const result = await ask<QuarantineFileResult>(client, 'scenario.quarantineFile', args);
  const differs = result.now.some(({ same, unknown }) => unknown === undefined && !same);
  if (options.json === true) context.json({ name, id, ...result });
  else
    for (const line of keptLines({ item: result.item, result, scroll: 0 }))
      context.terminal.out(`${safe(lineText(line))}\n`);
  return differs ? FOUND : DONE;
}

async function extract(
  context: Context,
  options: QuarantineOptions,
  name: string,
  client: DaemonClient,
  id: string,
): Promise<number> {
  if (options.to === undefined) throw new Fault('USAGE', { reason: 'say where to with --to DIRECTORY' });
  const to = resolve(options.to);
  const args = { name, id, to, ...(options.path === undefined ? {} : { path: options.path }) };
  const { files } = await ask<CommandResults['scenario.quarantineExtract']>(
    client,
    'scenario.quarantineExtract',
    args,
    COPY_MS,
  );
  if (options.json === true) context.json({ name, id, to, files });
  else context.terminal.out(`${formatCount(files)} files are in ${safe(to)} on the host that had them\n`);
  return DONE;
}

async function discard(
  context: Context,
  options: QuarantineOptions,
  name: string,
  client: DaemonClient,
  id: string,
): Promise<number> {
  const impact = `The contents of ${id} of "${safe(name)}" are gone for good.`;
  if (options.yes !== true) await context.confirmName(name, impact, `Discarding ${id}`, options);
  await ask(client, 'scenario.quarantineDiscard', { name, id });
  if (options.json === true) context.json({ name, discarded: id });
  else context.terminal.out(`${id} is discarded\n`);
  return DONE;
}

/** How many quarantines of a scenario the hosts that answer have. */
export async function keptOf(context: Context, options: CommonOptions, name: string): Promise<number> {
  const found = await search(context, options, name).catch(() => []);
  return found.reduce((sum, { heads }) => sum + heads.length, 0);
}
