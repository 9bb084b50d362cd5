/** The reference pages of docs/reference, from the catalogues. Pure; test/reference writes them and holds them up to date. */
import { COMMANDS, type CommandDefinition } from '../shared/commands.ts';
import { EVENTS, type EventDefinition } from '../shared/events.ts';
import { FAULTS, type FaultDefinition } from '../shared/faults.ts';
import { definitionOf, SETTING_KEYS, type SettingKey } from './catalogue.ts';
import { FIELDS } from './fields.ts';
import { describeLimits, showValue } from './value.ts';

const GENERATED = '<!-- Generated from the catalogues by `npm run reference`. Do not edit. -->';
const TABS = { roots: 'Root Directories', properties: 'Properties', ha: 'HA Properties', host: 'Host' } as const;
const EDITABLE = { always: 'always', stopped: 'while stopped', creation: 'at creation only' } as const;
const EXITS = ['done', 'failed', 'usage', 'not found', 'refused', 'unreachable', 'timed out'] as const;

/** Text by file name. */
export function referencePages(): Readonly<Record<string, string>> {
  return {
    'settings.md': settingsPage(),
    'commands.md': commandsPage(),
    'events.md': eventsPage(),
    'faults.md': faultsPage(),
  };
}

function settingsPage(): string {
  const fields = Object.entries(FIELDS).map(([key, field]) => [
    `\`${key}${field.perHost ? '@HOST' : ''}\``,
    field.label,
    field.help,
    field.accepts,
    EDITABLE[field.edit],
  ]);
  return page('Settings', [
    'Every property of a scenario, of its hosts and of an engine. In documents and with `mainstay scenario set NAME KEY=VALUE`; a property of one host is `KEY@HOST`. Sizes and times may carry a unit (`10 GiB`, `30 s`). *Not yet* marks what comes with a later version: until then only the default is accepted ([why](../decisions/0020-settings-without-effect-are-refused.md)).',
    '## Fields of the document',
    markdownTable(['Field', 'Label', 'Meaning', 'Accepted', 'Editable'], fields),
    ...settingGroups().flatMap(([title, keys]) => [`## ${title}`, settingsTable(keys)]),
  ]);
}

function settingGroups(): [string, SettingKey[]][] {
  const groups = new Map<string, SettingKey[]>();
  for (const tab of ['roots', 'properties', 'ha', 'host'] as const) {
    for (const key of SETTING_KEYS.filter((candidate) => definitionOf(candidate).tab === tab)) {
      const title = `${TABS[tab]}: ${definitionOf(key).group}`;
      groups.set(title, [...(groups.get(title) ?? []), key]);
    }
  }
  return [...groups];
}

function settingsTable(keys: readonly SettingKey[]): string {
  const rows = keys.map((key) => {
    const definition = definitionOf(key);
    const shown = showValue(definition, definition.default);
    const notYet = definition.awaits === undefined ? '' : ` *Not yet: comes with ${definition.awaits}.*`;
    return [
      `\`${key}\``,
      definition.label,
      `${definition.help}${notYet}`,
      shown === '' ? '—' : shown,
      describeLimits(definition),
      definition.scopes.join(', '),
      `${EDITABLE[definition.edit]}${definition.agreement === 'agreed' ? '; agreed' : ''}`,
    ];
  });
  return markdownTable(['Key', 'Label', 'Meaning', 'Default', 'Accepted', 'Of', 'Editable'], rows);
}

function commandsPage(): string {
  const rows = Object.entries(COMMANDS as Readonly<Record<string, CommandDefinition>>).map(([name, command]) => [
    `\`${name}\``,
    command.title,
    command.help,
    command.role,
    command.danger,
    command.cli === undefined ? '—' : `\`mainstay ${command.cli}\``,
  ]);
  return page('Commands of a daemon', [
    'What consoles, the command line and other hosts can ask. *Role*: the least role of a person that may ask (view < control < admin < super), or the machine role. *Asks*: nothing (safe), yes or no (confirm), or the name typed (typed).',
    markdownTable(['Command', 'Title', 'Does', 'Role', 'Asks', 'Command line'], rows),
  ]);
}

function eventsPage(): string {
  const rows = Object.entries(EVENTS as Readonly<Record<string, EventDefinition>>).map(([code, event]) => [
    code,
    event.severity,
    event.text,
    event.hint ?? '—',
  ]);
  return page('Events', [
    'The entries of the event stream (`mainstay events`). `{name}` is filled in from the details.',
    markdownTable(['Code', 'Severity', 'Text', 'What to do'], rows),
  ]);
}

function faultsPage(): string {
  const rows = Object.entries(FAULTS as Readonly<Record<string, FaultDefinition>>).map(([code, fault]) => [
    code,
    fault.text,
    fault.hint,
    fault.kind,
    `${fault.exit} (${EXITS[fault.exit] ?? ''})`,
  ]);
  return page('Faults', [
    'Every error a person or another host can meet: `mainstay: CODE: text` and `hint:` on standard error. *transient*: try again later; *permanent*: something must change first; *fatal*: the process stops.',
    markdownTable(['Code', 'Text', 'Hint', 'Kind', 'Exit code'], rows),
  ]);
}

function page(title: string, parts: readonly string[]): string {
  return `${GENERATED}\n\n# ${title}\n\n${parts.join('\n\n')}\n`;
}

function markdownTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(escapeCell).join(' | ')} |`;
  return [line(headings), `|${headings.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n');
}

function escapeCell(text: string): string {
  return text.replace(/\|/g, '\\|').replace(/</g, '&lt;').replace(/\n/g, ' ');
}
