/** docs/reference/command-line.md, from the tree of commands. Pure. */
import type { Command } from 'commander';

export function commandLinePage(program: Command): string {
  const sections = leaves(program).map(({ path, command }) => section(path, command));
  return [
    '<!-- Generated from the catalogues by `npm run reference`. Do not edit. -->',
    '',
    '# Command line',
    '',
    'Exit codes: 0 done, 1 failed, 2 usage, 3 not found, 4 refused, 5 unreachable, 6 timed out, 7 done and found differences or findings.',
    'Errors go to standard error as `mainstay: CODE: text` and `hint: …`. Without a terminal nothing asks: give `--yes` or `--confirm NAME`.',
    '',
    sections.join('\n'),
  ].join('\n');
}

function leaves(command: Command, above: readonly string[] = []): { path: string; command: Command }[] {
  const path = [...above, command.name()];
  if (command.commands.length > 0) return command.commands.flatMap((child) => leaves(child, path));
  return [{ path: path.join(' '), command }];
}

function section(path: string, command: Command): string {
  const rows = [
    ...command.registeredArguments
      .filter((argument) => argument.description !== '')
      .map((argument) => [argument.name(), argument.description]),
    ...command.options.map((option) => [option.flags, describeOption(option)]),
  ];
  const table = rows.map(([what, text]) => `| \`${what}\` | ${text!.replace(/\|/g, '\\|')} |`);
  return [
    `## ${path} ${command.usage().replace('[options] ', '')}`.replace(/ \[options\]$/, '').trimEnd(),
    '',
    `${command.description()}.`,
    '',
    ...(table.length === 0 ? [] : ['| | |', '|---|---|', ...table, '']),
  ].join('\n');
}

function describeOption(option: Command['options'][number]): string {
  const choices = option.argChoices === undefined ? '' : ` (${option.argChoices.join(', ')})`;
  const byDefault = option.defaultValue === undefined ? '' : `; default: ${String(option.defaultValue)}`;
  return `${option.description}${choices}${byDefault}`;
}
