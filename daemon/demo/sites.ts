/** Sample web sites for the demo: content made from a seed, and a plain HTTP server for each side. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { dirname, extname, join, normalize } from 'node:path';

export const SITES = ['shop', 'intranet', 'news'] as const;
export type Site = (typeof SITES)[number];

const PAGES_PER_SITE = 80;
const IMAGES_PER_SITE = 12;

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css',
  '.bin': 'application/octet-stream',
};

export function page(site: Site, title: string, body: string): string {
  return `<!doctype html><meta charset="utf-8"><title>${title}</title><link rel="stylesheet" href="/${site}/style.css">\n<h1>${title}</h1>\n<p>${body}</p>\n`;
}

/** Deterministic bytes that do not compress. */
function pictureBytes(seed: string, sizeBytes: number): Buffer {
  const blocks: Buffer[] = [];
  for (let block = 0; block * 32 < sizeBytes; block += 1)
    blocks.push(createHash('sha256').update(`${seed}/${block}`).digest());
  return Buffer.concat(blocks).subarray(0, sizeBytes);
}

function put(path: string, content: string | Buffer): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

/** Fills `root` with the sites; returns what was written. */
export function writeSites(root: string): { files: number; bytes: number } {
  let files = 0;
  let bytes = 0;
  const add = (path: string, content: string | Buffer): void => {
    put(join(root, path), content);
    files += 1;
    bytes += Buffer.byteLength(content);
  };
  for (const site of SITES) {
    add(
      `${site}/style.css`,
      `body { font-family: sans-serif; max-width: 40em }\nh1 { color: #${site === 'shop' ? '063' : '036'} }\n`,
    );
    add(`${site}/index.html`, page(site, `Welcome to ${site}`, 'Served by the active host.'));
    for (let n = 1; n <= PAGES_PER_SITE; n += 1) {
      add(
        `${site}/pages/${n % 8}/page-${n}.html`,
        page(site, `${site} page ${n}`, 'Lorem ipsum dolor sit amet. '.repeat(20 + n)),
      );
    }
    for (let n = 1; n <= IMAGES_PER_SITE; n += 1)
      add(`${site}/images/photo-${n}.bin`, pictureBytes(`${site}${n}`, 20_000 * n));
  }
  return { files, bytes };
}

/** Serves `root` on a free loopback port; resolves with its address. */
export async function serveSites(root: string): Promise<{ server: Server; url: string }> {
  const server = createServer((request, response) => {
    const wanted = normalize(decodeURIComponent(new URL(request.url ?? '/', 'http://demo').pathname));
    const path = join(root, wanted.endsWith('/') ? `${wanted}index.html` : wanted);
    try {
      if (!path.startsWith(root) || !statSync(path).isFile()) throw new Error('not a file');
      response.writeHead(200, { 'content-type': CONTENT_TYPES[extname(path)] ?? 'text/plain' }).end(readFileSync(path));
    } catch {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('Not found\n');
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return { server, url: `http://127.0.0.1:${port}/` };
}
