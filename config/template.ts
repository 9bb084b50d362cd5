/** `mainstay scenario template KIND`: a commented document that `scenario create` accepts once names and paths are changed. */
import type { ServerType } from '../shared/scenario.ts';
import { definitionOf, keysOf, type SettingKey } from './catalogue.ts';
import { FIELDS } from './fields.ts';
import { DEFAULT_PORT } from './settings/daemon.ts';
import { describeLimits, showValue } from './value.ts';

interface Example {
  readonly title: string;
  readonly name: string;
  readonly roots: readonly string[];
  readonly exclude: readonly string[];
  readonly advice: readonly string[];
}

const EXAMPLES: Readonly<Record<ServerType, Example>> = {
  iis: {
    title: 'Microsoft IIS Server',
    name: 'intranet',
    roots: ['C:/inetpub/wwwroot'],
    exclude: ['**/*.tmp'],
    advice: [
      '`mainstay discover HOST --application iis` lists the sites and proposes their directories as roots.',
      'Full paths containing site files should be identical on both servers.',
    ],
  },
  nginx: {
    title: 'nginx',
    name: 'web-shop',
    roots: ['/srv/www'],
    exclude: ['cache/**'],
    advice: ['Add /etc/nginx as a root if both hosts shall have the same configuration.'],
  },
  apache: {
    title: 'Apache HTTP Server',
    name: 'web-shop',
    roots: ['/var/www'],
    exclude: ['cache/**'],
    advice: ['Add the directory of the virtual hosts as a root if both hosts shall have the same configuration.'],
  },
  'file-server': {
    title: 'File Server',
    name: 'files',
    roots: ['/srv/files'],
    exclude: ['**/~$*', '**/*.tmp'],
    advice: ['One root for each shared directory; roots must not lie inside each other.'],
  },
  custom: {
    title: 'Custom application',
    name: 'application',
    roots: ['/var/lib/application'],
    exclude: [],
    advice: ['Choose the directories with the data of the application.'],
  },
};

export function scenarioTemplate(kind: ServerType): string {
  const example = EXAMPLES[kind];
  const quoted = (values: readonly string[]) => values.map((value) => JSON.stringify(value)).join(', ');
  return `${[
    `// Scenario for: ${example.title}. Change names, addresses and roots, then: mainstay scenario create FILE`,
    '// Comments and trailing commas are allowed. Properties shown as comments have these values by default.',
    ...example.advice.map((line) => `// ${line}`),
    '{',
    ...field('name', JSON.stringify(example.name), FIELDS.name.help),
    ...field('serverType', JSON.stringify(kind), FIELDS.serverType.help),
    ...field('solution', '"ha"', FIELDS.solution.help),
    ...comment(FIELDS.group.help),
    '  // "group": "",',
    '',
    ...comment(`${FIELDS.address.help} The hosts must have been paired: mainstay pair invite, pair accept.`),
    '  "master": {',
    '    "name": "web-01",',
    `    "address": "web-01.example.org:${DEFAULT_PORT}",`,
    ...settings('master', '    '),
    '  },',
    '  "replicas": [',
    '    {',
    '      "name": "web-02",',
    `      "address": "web-02.example.org:${DEFAULT_PORT}",`,
    ...settings('replica', '      '),
    '    },',
    '  ],',
    '',
    ...comment(FIELDS.roots.help),
    '  "roots": [',
    ...example.roots.map((root) => `    { "master": ${JSON.stringify(root)} },`),
    '  ],',
    ...field('exclude', `[${quoted(example.exclude)}]`, FIELDS.exclude.help),
    '',
    ...settings('scenario', '  '),
    '}',
  ].join('\n')}\n`;
}

function field(name: string, value: string, help: string): string[] {
  return [...comment(help), `  "${name}": ${value},`];
}

function comment(text: string, indent = '  '): string[] {
  return wrap(text, 110 - indent.length).map((line) => `${indent}// ${line}`);
}

/** All properties of a scope that have an effect, as comments with their defaults. */
function settings(scope: 'scenario' | 'master' | 'replica', indent: string): string[] {
  const keys = keysOf(scope).filter((key) => definitionOf(key).awaits === undefined);
  return [`${indent}"settings": {`, ...keys.flatMap((key) => settingLines(key, `${indent}  `)), `${indent}},`];
}

function settingLines(key: SettingKey, indent: string): string[] {
  const definition = definitionOf(key);
  const shown = showValue(definition, definition.default);
  const value = typeof definition.default === 'number' && definition.type !== 'integer' ? shown : definition.default;
  return [
    ...comment(`${definition.label} (${describeLimits(definition)}). ${definition.help}`, indent),
    `${indent}// "${key}": ${JSON.stringify(value)},`,
  ];
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
