/** `mainstay script …`: programs of this computer that scenarios may name. Only who can write the data directory registers one. */
import type { Command } from 'commander';
import { Fault } from '../../shared/faults.ts';
import type { CommonOptions, Context } from './context.ts';
import { DONE, type Register, withJson } from './options.ts';
import { table } from './text.ts';

export function addScriptCommands(program: Command, register: Register): void {
  const script = program.command('script').description('scripts of this computer that scenarios may name');
  const local = (command: Command) =>
    withJson(command).requiredOption('--data <dir>', 'data directory of the engine of this computer');
  register(
    local(script.command('register').description('copy a program to where only the engine’s account can change it'))
      .argument('<file>', 'the program')
      .option('--as <name>', 'the name scenarios use (default: that of the file)'),
    add,
  );
  register(local(script.command('list').description('what is registered')), list);
  register(
    local(script.command('remove').description('scenarios that name it fail from then on')).argument(
      '<name>',
      'its name',
    ),
    remove,
  );
}

async function add(context: Context, options: CommonOptions & { as?: string }, file: string): Promise<number> {
  const folder = await context.composition.openScripts(dataOf(options));
  const added = folder.register(file, options.as);
  if (options.json === true) context.json(added);
  else context.terminal.out(`registered ${added.name}\n`);
  return DONE;
}

async function list(context: Context, options: CommonOptions): Promise<number> {
  const scripts = (await context.composition.openScripts(dataOf(options))).list();
  if (options.json === true) context.json({ scripts });
  else if (scripts.length === 0) context.terminal.out('no script is registered\n');
  else
    context.terminal.out(
      table(
        ['NAME', 'BYTES', 'SHA-256'],
        scripts.map(({ name, bytes, sha256, changed }) => [
          name,
          String(bytes),
          sha256 === undefined ? 'not registered: it is not run' : changed ? 'changed since: it is not run' : sha256,
        ]),
      ),
    );
  return DONE;
}

async function remove(context: Context, options: CommonOptions, name: string): Promise<number> {
  (await context.composition.openScripts(dataOf(options))).remove(name);
  if (options.json === true) context.json({ removed: name });
  else context.terminal.out(`removed ${name}\n`);
  return DONE;
}

function dataOf({ data }: CommonOptions): string {
  if (data === undefined) throw new Fault('USAGE', { reason: '--data is missing' });
  return data;
}
