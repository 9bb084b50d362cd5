/** `mainstay scenario …`: scenarios as documents. */
import type { Command } from 'commander';
import { Fault } from '../../shared/faults.ts';
import type { CommandResults, DocumentChange } from '../../shared/results.ts';
import { type ScenarioDocument, SERVER_TYPES, type ServerType } from '../../shared/scenario.ts';
import type { DaemonClient } from '../client.ts';
import { ask, type CommonOptions, type Context } from './context.ts';
import { DONE, FOUND, type Register, withAccess, withJson, withYes } from './options.ts';
import { safe, safeJson, table } from './text.ts';

export function addScenarioCommands(program: Command, register: Register): void {
  const scenario = program.command('scenario').description('scenarios as documents');
  const file = 'file with the document (JSON; comments and trailing commas are allowed), - for standard input';
  const command = (name: string, description: string) => withAccess(scenario.command(name).description(description));
  register(command('create', 'create a scenario; it is not run').argument('<file>', file), create);
  register(command('list', 'all scenarios'), list);
  register(command('show', 'the document of a scenario').argument('<name>'), show);
  register(
    command('set', 'change properties: KEY=VALUE, of one host KEY@HOST=VALUE; KEY=default resets')
      .argument('<name>')
      .argument('<values...>'),
    set,
  );
  register(
    command('delete', 'forget a stopped scenario; the data on both hosts stays')
      .argument('<name>')
      .option('--confirm <name>', 'the name once more'),
    remove,
  );
  register(
    command('export', 'a document that `scenario create` and `apply` accept')
      .argument('<name>')
      .argument('[file]', 'default: standard output'),
    exportDocument,
  );
  register(command('plan', 'what `apply` would change; exit 7 when it would').argument('<file>', file), plan);
  register(
    withYes(command('apply', 'create or change a scenario to equal the document')).argument('<file>', file),
    apply,
  );
  register(
    scenario
      .command('template')
      .description('a commented starting point for a document')
      .addArgument(scenario.createArgument('<kind>', 'server type').choices([...SERVER_TYPES])),
    async (context, _options: CommonOptions, kind: ServerType) => {
      const { scenarioTemplate } = await import('../../config/template.ts');
      context.terminal.out(scenarioTemplate(kind));
      return DONE;
    },
  );
  register(
    withJson(scenario.command('schema').description('the JSON Schema of a document')),
    async (context, _options: CommonOptions) => {
      const { scenarioSchema } = await import('../../config/schema.ts');
      context.terminal.out(`${JSON.stringify(scenarioSchema(), undefined, 2)}\n`);
      return DONE;
    },
  );
}

/** Checked here already, so that mistakes are named before any host is asked. */
async function readDocument(context: Context, path: string): Promise<{ name: string; master: { name: string } }> {
  const { parseJsonc } = await import('../../config/jsonc.ts');
  const { parseScenarioInput } = await import('../../config/document.ts');
  return parseScenarioInput(parseJsonc(context.terminal.readText(path)));
}

/** The Master of the document among the hosts of the profile: scenarios are created there. */
async function clientOfMaster(context: Context, options: CommonOptions, master: string): Promise<DaemonClient> {
  const clients = await context.clients(options);
  if (clients.length === 1) {
    await clients[0]!.open();
    return clients[0]!;
  }
  const named = clients.find((client) => client.host.name.toLowerCase() === master.toLowerCase());
  if (named !== undefined) {
    await named.open();
    return named;
  }
  // The profile may call it otherwise: ask each for its own name.
  const { up } = await context.reachable(options);
  for (const client of up) {
    const welcome = await client.open();
    if (welcome.daemon.name.toLowerCase() === master.toLowerCase()) return client;
  }
  throw new Fault('USAGE', { reason: `no reachable host of the profile is the Master "${master}"; use --host` });
}

async function create(context: Context, options: CommonOptions, path: string): Promise<number> {
  const document = await readDocument(context, path);
  const client = await clientOfMaster(context, options, document.master.name);
  const result = await ask<CommandResults['scenario.create']>(client, 'scenario.create', { document });
  if (options.json === true) context.json(result.document);
  else
    context.terminal.out(
      `created ${safe(result.document.name)}; next: mainstay verify ${safe(result.document.name)}\n`,
    );
  return DONE;
}

async function list(context: Context, options: CommonOptions): Promise<number> {
  const { up, down } = await context.reachable(options);
  const known = new Map<string, CommandResults['scenario.list']['scenarios'][number]>();
  for (const client of up) {
    const { scenarios } = await ask<CommandResults['scenario.list']>(client, 'scenario.list', {});
    // The Master's word counts where it answers.
    for (const scenario of scenarios) {
      if (scenario.side === 'master' || !known.has(scenario.id)) known.set(scenario.id, scenario);
    }
  }
  const scenarios = [...known.values()].sort((a, b) => a.name.localeCompare(b.name));
  if (options.json === true) context.json({ scenarios });
  else {
    const rows = scenarios.map((scenario) => [
      scenario.name,
      scenario.state + (scenario.stopReason === undefined ? '' : ` (${scenario.stopReason})`),
      scenario.serverType,
      scenario.solution,
      scenario.master,
      scenario.replicas.join(', '),
      scenario.group ?? '',
    ]);
    context.terminal.out(table(['NAME', 'STATE', 'TYPE', 'SOLUTION', 'MASTER', 'REPLICAS', 'GROUP'], rows));
  }
  for (const { client, fault } of down) context.note(`not asked: ${client.host.name}: ${safe(fault.message)}`);
  return DONE;
}

async function documentOf(context: Context, options: CommonOptions, name: string): Promise<ScenarioDocument> {
  const client = await context.forScenario(name, options);
  return ask<ScenarioDocument>(client, 'scenario.show', { name });
}

async function show(context: Context, options: CommonOptions, name: string): Promise<number> {
  const document = await documentOf(context, options, name);
  context.terminal.out(`${safeJson(document, 2)}\n`);
  return DONE;
}

async function exportDocument(context: Context, options: CommonOptions, name: string, path?: string): Promise<number> {
  const { id: _id, revision: _revision, ...input } = await documentOf(context, options, name);
  const text = `${safeJson(input, 2)}\n`;
  if (path === undefined || path === '-') context.terminal.out(text);
  else context.terminal.writeText(path, text);
  return DONE;
}

async function set(context: Context, options: CommonOptions, name: string, given: string[]): Promise<number> {
  const values = Object.fromEntries(
    given.map((pair) => {
      const at = pair.indexOf('=');
      if (at < 1) throw new Fault('USAGE', { reason: `"${pair}" is not KEY=VALUE` });
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
  const client = await context.forScenario(name, options);
  const { revision } = await ask<ScenarioDocument>(client, 'scenario.show', { name });
  const result = await ask<CommandResults['scenario.set']>(client, 'scenario.set', { name, values, revision });
  if (options.json === true) context.json(result);
  else {
    context.terminal.out(
      result.changed.length === 0 ? 'nothing changed\n' : `changed: ${safe(result.changed.join(', '))}\n`,
    );
  }
  return DONE;
}

async function remove(context: Context, options: CommonOptions, name: string): Promise<number> {
  const client = await context.forScenario(name, options);
  const { keptOf } = await import('./quarantine-command.ts');
  const kept = await keptOf(context, options, name);
  const also = kept === 0 ? '' : ` What is in quarantine stays (${kept}): \`mainstay quarantine\` lists it.`;
  const impact = `Scenario "${safe(name)}" is forgotten on all its hosts; the data on both sides stays.${also}`;
  await context.confirmName(name, impact, `Deleting "${name}"`, options);
  await ask(client, 'scenario.delete', { name });
  if (options.json === true) context.json({ deleted: name });
  else context.terminal.out(`deleted ${safe(name)}\n`);
  return DONE;
}

async function plan(context: Context, options: CommonOptions, path: string): Promise<number> {
  const document = await readDocument(context, path);
  const client = await clientOfMaster(context, options, document.master.name);
  const result = await ask<CommandResults['scenario.plan']>(client, 'scenario.plan', { document });
  if (options.json === true) context.json(result);
  else {
    if (!result.exists) context.terminal.out(`would create ${safe(result.name)}\n`);
    await showChanges(context, result.changes);
    if (result.exists && result.changes.length === 0) context.terminal.out('no change\n');
  }
  return result.exists && result.changes.length === 0 ? DONE : FOUND;
}

async function apply(context: Context, options: CommonOptions, path: string): Promise<number> {
  const document = await readDocument(context, path);
  const client = await clientOfMaster(context, options, document.master.name);
  const planned = await ask<CommandResults['scenario.plan']>(client, 'scenario.plan', { document });
  if (planned.exists && planned.changes.length > 0 && options.json !== true)
    await showChanges(context, planned.changes);
  if (!planned.exists || planned.changes.length > 0) {
    const question = planned.exists ? `Change "${safe(document.name)}"?` : `Create "${safe(document.name)}"?`;
    await context.confirm(question, `Applying the document of "${document.name}"`, options);
  }
  const result = await ask<CommandResults['scenario.apply']>(client, 'scenario.apply', { document });
  if (options.json === true) context.json(result);
  else if (result.created) context.terminal.out(`created ${safe(document.name)}\n`);
  else
    context.terminal.out(result.changed.length === 0 ? 'no change\n' : `changed: ${safe(result.changed.join(', '))}\n`);
  return DONE;
}

async function showChanges(context: Context, changes: readonly DocumentChange[]): Promise<void> {
  const { showProperty } = await import('./property-text.ts');
  for (const change of changes) {
    const value = (given: unknown) => (given === undefined ? 'default' : showProperty(change.key, given));
    const blocked = change.blocked === undefined ? '' : `   NOT NOW: ${change.blocked}`;
    context.terminal.out(safe(`${change.key}: ${value(change.from)} -> ${value(change.to)}${blocked}`).concat('\n'));
  }
}
