/**
 * Serves the built page on this machine, with the headers that make it cross-origin isolated: SharedArrayBuffer exists only there.
 * Files under guests/ that are not part of the page come from .cache/guests.
 */
import { createReadStream, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize, sep } from 'node:path';
import { at, guestsFolder, isMain } from './lib.mjs';

export const isolation = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };

const types = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
  '.cfg': 'text/plain; charset=utf-8',
};

/** The file that a URL path names, or undefined; never one outside the two folders. */
function find(pathname) {
  let path;
  try {
    path = normalize(decodeURIComponent(pathname));
  } catch {
    return undefined;
  }
  if (path.includes('\0') || path.split(sep).includes('..')) return undefined;
  if (path.endsWith(sep)) path = join(path, 'index.html');
  const candidates = [at('dist', path)];
  if (path.startsWith(`${sep}guests${sep}`)) candidates.push(join(guestsFolder, path.slice('/guests/'.length)));
  for (const file of candidates) {
    const stat = statSync(file, { throwIfNoEntry: false });
    if (stat?.isFile()) return { file, size: stat.size };
  }
  return undefined;
}

/** With it in front of every script, the page and its workers run as where WebAssembly does not exist. */
const WITHOUT_WASM = 'delete globalThis.WebAssembly;';

function answer(request, response, { headers, wasm }) {
  const found = request.method === 'GET' || request.method === 'HEAD' ? find(new URL(request.url, 'http://localhost').pathname) : undefined;
  if (!found) {
    response.writeHead(404, { ...headers, 'Content-Type': 'text/plain; charset=utf-8' }).end('Not here.\n');
    return;
  }
  const prefix = !wasm && extname(found.file) === '.js' ? WITHOUT_WASM : '';
  response.writeHead(200, {
    ...headers,
    'Content-Type': types[extname(found.file)] ?? 'application/octet-stream',
    'Content-Length': found.size + prefix.length,
    'Cache-Control': 'no-cache',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'X-Content-Type-Options': 'nosniff',
  });
  if (request.method === 'HEAD') return response.end();
  response.write(prefix);
  createReadStream(found.file)
    .on('error', () => response.destroy())
    .pipe(response);
}

/**
 * Starts the server on the first free port from `port` on; resolves with its address.
 * For tests: `isolated: false` leaves the two headers out, as a plain static host does; `wasm: false` deletes WebAssembly.
 */
export function serve({ port = 5173, host = '127.0.0.1', isolated = true, wasm = true } = {}) {
  const server = createServer((request, response) => answer(request, response, { headers: isolated ? isolation : {}, wasm }));
  const last = port + 50;
  return new Promise((resolve, reject) => {
    server.on('error', error => {
      if (error.code === 'EADDRINUSE' && port !== 0 && port < last) server.listen(++port, host);
      else reject(error);
    });
    server.on('listening', () => {
      const shown = host === '0.0.0.0' || host === '::' ? 'localhost' : host;
      resolve({ server, url: `http://${shown.includes(':') ? `[${shown}]` : shown}:${server.address().port}/` });
    });
    server.listen(port, host);
  });
}

// Used directly by the browser tests: node scripts/serve.mjs PORT [plain] [no-wasm]
if (isMain(import.meta.url)) {
  const { url } = await serve({
    port: Number(process.argv[2] ?? 5173),
    isolated: !process.argv.includes('plain'),
    wasm: !process.argv.includes('no-wasm'),
  });
  console.log(url);
}
