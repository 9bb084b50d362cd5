#!/usr/bin/env node
// Bundles the console (tui/main.tsx) into dist/tui/console/: one file to read instead of some 400 halves the start-up.
// The client with socket.io-client is a chunk of its own, loaded after the first paint.
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const top = dirname(dirname(fileURLToPath(import.meta.url)));
const outdir = join(top, 'dist', 'tui', 'console');

/** Ink asks for the developer tools only when DEV=true; they are not installed. */
const withoutDevtools = {
  name: 'without-devtools',
  setup(builder) {
    builder.onResolve({ filter: /^react-devtools-core$/ }, (args) => ({ path: args.path, namespace: 'stub' }));
    builder.onLoad({ filter: /.*/, namespace: 'stub' }, () => ({ contents: 'export default {};' }));
  },
};

await build({
  absWorkingDir: top,
  entryPoints: { main: 'tui/main.tsx' },
  outdir,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node22',
  jsx: 'automatic',
  minifySyntax: true,
  define: { 'process.env.NODE_ENV': '"production"' },
  // Old CommonJS that cannot live in strict mode (octal escapes), and native optional parts of ws.
  external: ['blessed', 'blessed-contrib', 'drawille-canvas-blessed-contrib', 'bufferutil', 'utf-8-validate'],
  // CommonJS inside the bundle asks for Node's modules with require.
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
  plugins: [withoutDevtools],
  logLevel: 'warning',
  legalComments: 'none',
});
writeFileSync(join(outdir, 'package.json'), '{ "type": "module" }\n');
