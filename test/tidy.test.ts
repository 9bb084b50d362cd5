/**
 * The house rules that no other tool checks: import directions, sizes, exports, names, and who may touch the outside world.
 * Function length, cognitive complexity and import cycles are Biome rules (.biome.json); dead exports are knip's.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { EXCEPTIONS, type Rule } from './tidy-exceptions.ts';

const TOP = fileURLToPath(new URL('../../', import.meta.url));
const FOLDERS = ['shared', 'config', 'daemon', 'tui', 'test'];
const MAX_CODE_LINES = 400;
/** A test file tells one story from its beginning to its end. */
const MAX_TEST_LINES = 700;

interface Source {
  /** Relative to the top of the repository. */
  readonly path: string;
  readonly text: string;
  /** Without comments; strings are kept. Same number of lines as `text`. */
  readonly code: string;
  /** Without comments and without the contents of strings and templates. */
  readonly bare: string;
}

/** Comments, strings, templates and regular expressions, in that order of precedence at each place. */
const TOKENS =
  /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\[\s\S]|[^`\\])*`|(?<=[=(,:[!&|?{};]\s*|return\s+)\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n])+\/[dgimsuvy]*/g;

const blank = (text: string): string => text.replace(/[^\n]/g, ' ');

function readSource(path: string): Source {
  const text = readFileSync(join(TOP, path), 'utf8');
  const isComment = (token: string): boolean => token.startsWith('/*') || token.startsWith('//');
  return {
    path,
    text,
    code: text.replace(TOKENS, (token) => (isComment(token) ? blank(token) : token)),
    bare: text.replace(TOKENS, blank),
  };
}

const SOURCES: readonly Source[] = FOLDERS.flatMap((folder) =>
  (existsSync(join(TOP, folder)) ? readdirSync(join(TOP, folder), { recursive: true, encoding: 'utf8' }) : [])
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => readSource(posix.join(folder, name.replaceAll('\\', '/')))),
).sort((a, b) => (a.path < b.path ? -1 : 1));

function excepted(rule: Rule, path: string): boolean {
  return EXCEPTIONS.some((exception) => exception.rule === rule && path.startsWith(exception.path));
}

/** Module names a source imports, statically or not. */
function importsOf(source: Source): string[] {
  const pattern = /(?:\bfrom\s*|\bimport\s*\(?\s*)'([^']+)'/g;
  return [...source.code.matchAll(pattern)].map((match) => match[1]!);
}

/** Imports of our own files, as paths from the top of the repository. */
function ownImportsOf(source: Source): string[] {
  return importsOf(source)
    .filter((name) => name.startsWith('.'))
    .map((name) => posix.join(posix.dirname(source.path), name));
}

function isCompositionRoot(path: string): boolean {
  return path === 'daemon/main.ts' || path === 'tui/cli/mainstay.ts' || /(^|\/)worker\.ts$/.test(path);
}

/** The rules of direction, most general first: the first that matches says why the import is wrong. */
const DIRECTIONS: readonly { readonly from: RegExp; readonly to: RegExp; readonly reason: string }[] = [
  { from: /^(?!test\/)/, to: /^test\//, reason: 'product code imports a test' },
  { from: /^shared\//, to: /^(?!shared\/)/, reason: 'shared imports nothing of ours' },
  { from: /^config\//, to: /^(?!config\/|shared\/)/, reason: 'config imports only shared' },
  { from: /^tui\/(?!cli\/mainstay\.ts$)/, to: /^daemon\//, reason: 'tui never imports the daemon' },
  {
    from: /^daemon\/engine\//,
    to: /^daemon\/scenario\//,
    reason: 'an engine knows nothing of the life of its scenario',
  },
  { from: /^daemon\//, to: /^tui\//, reason: 'the daemon never imports the console' },
  {
    from: /^daemon\/platform\//,
    to: /^(?!shared\/|daemon\/platform\/|daemon\/ports\.ts$)/,
    reason: 'platform imports only ports and shared',
  },
];

/** Why the import is not allowed; undefined when it is. */
function forbiddenDirection(from: string, to: string): string | undefined {
  const broken = DIRECTIONS.find((rule) => rule.from.test(from) && rule.to.test(to));
  if (broken !== undefined) return broken.reason;
  const outsidePlatform = !/^(?:daemon\/platform|test)\//.test(from);
  return to.startsWith('daemon/platform/') && outsidePlatform && !isCompositionRoot(from)
    ? 'only composition roots import daemon/platform'
    : undefined;
}

test('Imports follow the directions between the folders', (t) => {
  const wrong = SOURCES.flatMap((source) =>
    ownImportsOf(source).flatMap((to) => {
      const reason = forbiddenDirection(source.path, to);
      return reason === undefined || excepted('direction', source.path) ? [] : [`${source.path} → ${to}: ${reason}`];
    }),
  );
  t.deepEqual(wrong, []);
});

test('shared works without Node: consoles and browsers may use it', (t) => {
  const wrong = SOURCES.filter((source) => source.path.startsWith('shared/')).flatMap((source) =>
    importsOf(source)
      .filter((name) => name.startsWith('node:') || builtinModules.includes(name))
      .map((name) => `${source.path} imports ${name}`),
  );
  t.deepEqual(wrong, []);
});

test(`No file has more than ${MAX_CODE_LINES} lines of code, no test more than ${MAX_TEST_LINES}`, (t) => {
  const wrong = SOURCES.filter((source) => !excepted('size', source.path))
    .map((source) => ({
      path: source.path,
      lines: source.code.split('\n').filter((line) => line.trim() !== '').length,
    }))
    .filter(({ path, lines }) => lines > (path.startsWith('test/') ? MAX_TEST_LINES : MAX_CODE_LINES))
    .map(({ path, lines }) => `${path}: ${lines}`);
  t.deepEqual(wrong, []);
});

test('Everything is exported by name, where it is defined', (t) => {
  const wrong = SOURCES.flatMap((source) => {
    const found: string[] = [];
    if (/\bexport\s+default\b/.test(source.bare) && !excepted('default-export', source.path)) {
      found.push(`${source.path}: default export`);
    }
    if (/\bexport\s+(?:type\s+)?(?:\*|\{[^}]*\}\s*from\b)/.test(source.bare)) found.push(`${source.path}: re-exports`);
    return found;
  });
  t.deepEqual(wrong, []);
});

interface OutsideUse {
  readonly rule: Rule;
  readonly what: string;
}

const GLOBALS: readonly (OutsideUse & { readonly pattern: RegExp })[] = [
  { rule: 'platform', what: 'process.platform', pattern: /\bprocess\.(?:platform|arch)\b/ },
  {
    rule: 'clock',
    what: 'the clock',
    pattern: /\bDate\.now\b|\bnew Date\(\s*\)|\bperformance\.now\b|\bprocess\.hrtime\b/,
  },
  { rule: 'random', what: 'Math.random', pattern: /\bMath\.random\b/ },
];
const MODULES: Readonly<Record<string, Rule>> = {
  'node:fs': 'files',
  'node:fs/promises': 'files',
  'node:net': 'sockets',
  'node:tls': 'sockets',
  'node:http': 'sockets',
  'node:https': 'sockets',
  'node:http2': 'sockets',
  'node:dgram': 'sockets',
  'node:child_process': 'processes',
};
/** Values imported from these; types alone touch nothing. */
function valueImportsOf(source: Source): string[] {
  return importsOf({ ...source, code: source.code.replace(/\bimport\s+type\b[^;]*;/g, '') });
}

function outsideUsesOf(source: Source): OutsideUse[] {
  const modules = valueImportsOf(source).flatMap((name) => {
    const rule = MODULES[name];
    return rule === undefined ? [] : [{ rule, what: name }];
  });
  return [...GLOBALS.filter(({ pattern }) => pattern.test(source.bare)), ...modules];
}

/** The engines run under the simulator: nothing in these folders may wait by itself. */
const SIMULATED = /^daemon\/(?:capture|spool|sync|apply|journal)\//;
/** The operating system's side, and programs of their own beside the product. */
const EDGES = /^(?:test|daemon\/platform|daemon\/demo)\//;

test('Only the edges touch platform, clock, randomness, files, sockets and processes', (t) => {
  const wrong = SOURCES.filter((source) => !EDGES.test(source.path)).flatMap((source) =>
    outsideUsesOf(source)
      .filter(({ rule }) => !excepted(rule, source.path))
      .map(({ rule, what }) => `${rule}: ${source.path} uses ${what}`),
  );
  t.deepEqual(wrong, []);
});

test('The engines wait only through the Clock port', (t) => {
  const timers = /\b(?:setTimeout|setInterval|setImmediate)\b/;
  const wrong = SOURCES.filter((source) => SIMULATED.test(source.path) && !isCompositionRoot(source.path))
    .filter((source) => timers.test(source.bare) && !excepted('timers', source.path))
    .map((source) => source.path);
  t.deepEqual(wrong, []);
});

test('Names are terms of the field', (t) => {
  const vague = /(?:^|[/-])(?:utils?|helpers?|managers?|misc|common|index)(?:[-.]|$)/;
  const wrong = SOURCES.map((source) => source.path).filter((path) => vague.test(path) && !excepted('name', path));
  t.deepEqual(wrong, []);
});

test('Nothing names a place outside the repository that only its authors have', (t) => {
  const workplace = new RegExp(['', 'work', ''].join('/'));
  const wrong = SOURCES.filter((source) => workplace.test(source.text)).map((source) => source.path);
  t.deepEqual(wrong, []);
});

test('Every exception is still needed', (t) => {
  const paths = SOURCES.map((source) => source.path);
  const dangling = EXCEPTIONS.filter((exception) => !paths.some((path) => path.startsWith(exception.path)));
  t.deepEqual(
    dangling.map(({ rule, path }) => `${rule} ${path}`),
    [],
  );
});
