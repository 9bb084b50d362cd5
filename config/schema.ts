/** JSON Schema (2020-12) of a scenario document, from the catalogue: for editors and for checks before the product sees it. */
import { SERVER_TYPES } from '../shared/scenario.ts';
import { definitionOf, keysOf } from './catalogue.ts';
import { MAX_REPLICAS, MAX_ROOTS } from './document.ts';
import { FIELDS } from './fields.ts';
import type { SettingDefinition, SettingScope } from './settings/definition.ts';
import { describeLimits } from './value.ts';

type Schema = Readonly<Record<string, unknown>>;

export function scenarioSchema(): Schema {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Mainstay scenario',
    description:
      'A Master, its Replicas, roots and policy protected together. Comments and trailing commas are accepted.',
    type: 'object',
    additionalProperties: false,
    required: ['name', 'serverType', 'master', 'replicas', 'roots'],
    properties: {
      $schema: { type: 'string' },
      id: { type: 'string', description: 'Given by the product; ignored on input.' },
      revision: { type: 'integer', description: 'Given by the product; ignored on input.' },
      name: { type: 'string', minLength: 1, maxLength: 100, description: FIELDS.name.help },
      group: { type: 'string', maxLength: 100, description: FIELDS.group.help },
      serverType: { enum: [...SERVER_TYPES], description: FIELDS.serverType.help },
      solution: { enum: ['ha', 'dr'], default: 'ha', description: FIELDS.solution.help },
      master: { ...hostSchema('master'), description: 'The host whose data is protected.' },
      replicas: {
        type: 'array',
        minItems: 1,
        maxItems: MAX_REPLICAS,
        items: hostSchema('replica'),
        description: 'The hosts that are kept identical.',
      },
      roots: { type: 'array', minItems: 1, maxItems: MAX_ROOTS, items: ROOT, description: FIELDS.roots.help },
      exclude: {
        type: 'array',
        items: PATTERN,
        default: [],
        description: FIELDS.exclude.help,
      },
      settings: settingsSchema('scenario'),
    },
  };
}

const ABSOLUTE: Schema = { type: 'string', pattern: '^(/|[A-Za-z]:[\\\\/])' };
const PATTERN: Schema = { type: 'string', pattern: '^[^/\\\\][^\\\\]*$' };
const ROOT: Schema = {
  oneOf: [
    ABSOLUTE,
    {
      type: 'object',
      additionalProperties: false,
      required: ['master'],
      properties: {
        master: { ...ABSOLUTE, description: 'Absolute path on the Master.' },
        replica: { ...ABSOLUTE, description: 'Absolute path on each Replica; default: the same path.' },
        include: {
          type: 'array',
          items: PATTERN,
          description: 'Only these places of the root, with everything in them, such as `site` or `data/*/public`.',
        },
        exclude: {
          type: 'array',
          items: PATTERN,
          description: 'Not replicated in this root, beside what the scenario excludes.',
        },
        fileFilter: {
          type: 'array',
          items: PATTERN,
          description: "Names of regular files replicated in this root, in the place of the scenario's file filter.",
        },
      },
    },
  ],
};

const REPLICA_FIELDS: Schema = {
  roots: {
    type: 'array',
    items: ABSOLUTE,
    description: 'Its own directories, one for each root of the scenario, where they differ from the ones in `roots`.',
  },
  source: { type: 'string', description: FIELDS.source.help },
};

function hostSchema(role: 'master' | 'replica'): Schema {
  return {
    type: 'object',
    additionalProperties: false,
    required: ['name', 'address'],
    properties: {
      name: { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$', description: FIELDS.hostName.help },
      address: { type: 'string', description: FIELDS.address.help },
      deviceId: { type: 'string', pattern: '^[0-9a-fA-F]{64}$', description: FIELDS.deviceId.help },
      settings: settingsSchema(role),
      ...(role === 'replica' ? REPLICA_FIELDS : {}),
    },
  };
}

function settingsSchema(scope: SettingScope): Schema {
  return {
    type: 'object',
    additionalProperties: false,
    default: {},
    properties: Object.fromEntries(keysOf(scope).map((key) => [key, settingSchema(definitionOf(key))])),
  };
}

function settingSchema(definition: SettingDefinition): Schema {
  const notYet = definition.awaits === undefined ? '' : ` Not yet effective: comes with ${definition.awaits}.`;
  return {
    ...typeSchema(definition),
    title: definition.label,
    description: `${definition.help} Accepted: ${describeLimits(definition)}.${notYet}`,
    default: definition.default,
  };
}

function typeSchema(definition: SettingDefinition): Schema {
  const { min, max, pattern } = definition;
  const limits = { ...(min === undefined ? {} : { minimum: min }), ...(max === undefined ? {} : { maximum: max }) };
  const text = { type: 'string', ...(pattern === undefined ? {} : { pattern: pattern.source }) };
  switch (definition.type) {
    case 'boolean':
      return { enum: [true, false, 'on', 'off', 'yes', 'no', 'true', 'false'] };
    case 'integer':
      return { type: 'integer', ...limits };
    case 'bytes':
    case 'duration':
      return { anyOf: [{ type: 'integer', ...limits }, { type: 'string' }] };
    case 'choice':
      return { enum: (definition.choices ?? []).map((choice) => choice.value) };
    case 'list':
      return { type: 'array', items: text };
    default:
      return text;
  }
}
