/**
 * The demo's stream of changes: what a busy web server's disk sees (edits, uploads, renames, deletions, logs), and probes that
 * measure how long a written file takes until the Replica serves the same bytes.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { page, SITES } from './sites.ts';

const CHANGE_INTERVAL_MS = 40;
const PROBE_EVERY = 5;
const PROBE_TIMEOUT_MS = 30_000;

export interface ChangeStream {
  readonly changes: number;
  /** Milliseconds from the write to equal bytes on the Replica, one for each probe that arrived. */
  readonly latenciesMs: readonly number[];
  /** Probes that did not arrive in time. */
  readonly missed: number;
  /** Stops writing and resolves when the probe under way is finished. */
  stop(): Promise<void>;
}

/** One change of the kind number `n` asks for; each leaves the site usable. */
function change(root: string, n: number): void {
  const site = SITES[n % SITES.length]!;
  const at = (path: string): string => join(root, site, path);
  switch (n % 8) {
    case 0:
      writeFileSync(
        at(`pages/${n % 8}/page-${(n % 80) + 1}.html`),
        page(site, `Edited ${n}`, `Edit number ${n}. `.repeat(30)),
      );
      return;
    case 1:
      appendFileSync(at('access.log'), `127.0.0.1 - - "GET /page-${n}.html" 200\n`.repeat(20));
      return;
    case 2:
      mkdirSync(at(`uploads/${Math.floor(n / 64)}`), { recursive: true });
      writeFileSync(
        at(`uploads/${Math.floor(n / 64)}/upload-${n}.bin`),
        Buffer.alloc(30_000 + (n % 7) * 10_000, n % 251),
      );
      return;
    case 3: {
      // The way editors and deployment tools save: write beside it, rename over it.
      writeFileSync(at('.index.html.new'), page(site, `Welcome to ${site}`, `Release ${n}`));
      renameSync(at('.index.html.new'), at('index.html'));
      return;
    }
    case 4:
      if (existsSync(at('drafts'))) renameSync(at('drafts'), at(`published-${n}`));
      else mkdirSync(at('drafts'));
      return;
    case 5:
      mkdirSync(at('drafts'), { recursive: true });
      writeFileSync(at(`drafts/article-${n}.html`), page(site, `Article ${n}`, 'Text. '.repeat(200)));
      return;
    case 6:
      rmSync(at(`published-${n - 66}`), { recursive: true, force: true });
      return;
    default:
      writeFileSync(at(`style.css`), `body { font-family: sans-serif; max-width: ${30 + (n % 20)}em }\n`);
  }
}

function sameBytes(path: string, expected: string): boolean {
  try {
    return readFileSync(path, 'utf8') === expected;
  } catch {
    return false;
  }
}

export function startChanges(masterRoot: string, replicaRoot: string): ChangeStream {
  const latenciesMs: number[] = [];
  let changes = 0;
  let missed = 0;
  let stopping = false;
  let probing: Promise<void> = Promise.resolve();

  const probe = async (n: number): Promise<void> => {
    const content = `probe ${n} ${process.hrtime.bigint()}\n`;
    const started = performance.now();
    writeFileSync(join(masterRoot, 'probe.txt'), content);
    changes += 1;
    const target = join(replicaRoot, 'probe.txt');
    while (!sameBytes(target, content)) {
      if (performance.now() - started > PROBE_TIMEOUT_MS) {
        missed += 1;
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    latenciesMs.push(performance.now() - started);
  };

  const timer = setInterval(() => {
    if (stopping) return;
    change(masterRoot, changes);
    changes += 1;
    if (changes % PROBE_EVERY === 0) {
      const n = changes;
      probing = probing.then(() => (stopping ? undefined : probe(n)));
    }
  }, CHANGE_INTERVAL_MS);

  return {
    get changes() {
      return changes;
    },
    latenciesMs,
    get missed() {
      return missed;
    },
    stop: async () => {
      stopping = true;
      clearInterval(timer);
      await probing;
    },
  };
}
