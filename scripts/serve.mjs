/**
 * Serves the built page on this machine, with the headers that make it cross-origin isolated: SharedArrayBuffer exists only there.
 * Files under guests/ that are not part of the page come from .cache/guests.
 */
import { createReadStream, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { networkInterfaces } from 'node:os';
import { extname, join, normalize, sep } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createBrotliCompress, createGzip } from 'node:zlib';
import { ANY, hostCheck, hostOf, isOwn } from './hosts.mjs';
import { at, BROTLI, guestsFolder, isMain, NO_GUESTS, shrinks } from './lib.mjs';
import { policyOf } from './policy.mjs';

export const isolation = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

const types = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
  '.cfg': 'text/plain; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
};

/** RFC 9110, 15.5.20: the request came to a server that does not answer for that host. */
const MISDIRECTED = 421;
const misdirected = host =>
  `This server does not answer to the name ${hostOf(host) ?? 'that was asked for'}. If it is a name of this machine, start the server with --allow-host NAME.`;

/** The catalogue of guests that are still being fetched. */
const COMING = '/guests/catalogue.json';

/** Undefined: there is no such file, nor can one have that name (too long, below a file). */
function there(file) {
  try {
    return statSync(file, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** The file that a URL path names, or undefined; never one outside the folders. `comingFolder`: where guests lie that are whole before all are. */
function find(pathname, comingFolder) {
  let path;
  try {
    path = normalize(decodeURIComponent(pathname));
  } catch {
    return undefined;
  }
  if (path.includes('\0') || path.split(sep).includes('..')) return undefined;
  if (path.endsWith(sep)) path = join(path, 'index.html');
  const candidates = [at('dist', path)];
  if (path.startsWith(`${sep}guests${sep}`))
    for (const folder of [guestsFolder, comingFolder])
      if (folder) candidates.push(join(folder, path.slice('/guests/'.length)));
  // A page that is built without guests has a catalogue of none.
  if (path === join(sep, 'guests', 'catalogue.json') && there(candidates[0])?.size === NO_GUESTS.length)
    candidates.reverse();
  for (const file of candidates) {
    const stat = there(file);
    // The build puts a hash of its content into such a name: what it names never changes.
    if (stat?.isFile())
      return {
        file,
        size: stat.size,
        mtimeMs: stat.mtimeMs,
        tag: `W/"${stat.size.toString(16)}-${Math.floor(stat.mtimeMs).toString(16)}"`,
        hashed: /^[/\\]assets[/\\].+-[\w-]{8}\.\w+$/.test(path),
      };
  }
  return undefined;
}

/** With it in front of every script, the page and its workers run as where WebAssembly does not exist. */
const WITHOUT_WASM = 'delete globalThis.WebAssembly;';

const BROTLI_QUALITY = 5;
const ENCODERS = {
  br: () => createBrotliCompress({ params: { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY } }),
  gzip: () => createGzip(),
};

/** The best encoding that the client names and does not refuse (RFC 9110, 12.5.3); undefined: none. */
function encodingFor({ file, size }, accepted = '') {
  if (!shrinks(file, size)) return undefined;
  const takes = new Set(
    accepted.split(',').flatMap(part => (/;\s*q=0(\.0*)?\s*$/.test(part) ? [] : [part.split(';')[0].trim()])),
  );
  return Object.keys(ENCODERS).find(name => takes.has(name));
}

/** What the build compressed of a file, better than there is time for here; undefined: nothing, or not of what the file is now. */
function madeOf({ file, mtimeMs }) {
  const stat = there(`${file}${BROTLI}`);
  return stat && stat.mtimeMs >= mtimeMs ? stat : undefined;
}

/**
 * What a request asks for (RFC 9112, 3.2): its host and its path; undefined: it is no target that a server like this has. Any bytes without a blank may be there.
 */
function targetOf({ url, headers }) {
  // A client that takes us for its proxy names the host here, and that one counts.
  const [all, host = headers.host, pathname, search] = /^(?:http:\/\/([^/?#]*))?([^?#]*)(\?[^#]*)?/i.exec(url);
  const isTarget = url.startsWith('/') || (all.length > 0 && url.toLowerCase().startsWith('http://'));
  return isTarget ? { host, pathname: pathname || '/', search: search ?? '' } : undefined;
}

/** An answer for a person. */
const told = (response, status, headers, sentence) =>
  void response.writeHead(status, { ...headers, 'Content-Type': 'text/plain; charset=utf-8' }).end(`${sentence}\n`);

function answer(request, response, { headers, wasm, coming, answers, isHost, policy }) {
  const target = targetOf(request);
  if (!target) return told(response, 400, headers, 'This is no address of a page.');
  if (!isHost(target.host)) return told(response, MISDIRECTED, headers, misdirected(target.host));
  const { pathname, search } = target;
  if (request.method === 'GET' && Object.hasOwn(answers, pathname)) return answers[pathname](response);
  const now = coming();
  if (now && request.method === 'GET' && pathname === COMING) {
    const { guests = [], folder: _, ...rest } = now;
    return response
      .writeHead(200, { ...headers, 'Content-Type': types['.json'], 'Cache-Control': 'no-store' })
      .end(JSON.stringify({ guests, coming: rest }));
  }
  const found = request.method === 'GET' || request.method === 'HEAD' ? find(pathname, now?.folder) : undefined;
  if (!found) return told(response, 404, headers, 'Not here.');
  const prefix = !wasm && extname(found.file) === '.js' ? WITHOUT_WASM : '';
  // With a prefix it would be compressed for each visit, which takes a test's page longer than the way over the loopback.
  const encoding = prefix ? undefined : encodingFor(found, request.headers['accept-encoding']);
  const made = encoding === 'br' ? madeOf(found) : undefined;
  const length = made?.size ?? (encoding ? undefined : found.size + prefix.length);
  const rules = policy(found, search);
  const always = {
    ...headers,
    ...(rules ? { 'Content-Security-Policy': rules } : {}),
    'Cache-Control': found.hashed ? 'public, max-age=31536000, immutable' : 'no-cache',
    ETag: found.tag,
    Vary: 'Accept-Encoding',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'X-Content-Type-Options': 'nosniff',
  };
  if (request.headers['if-none-match'] === found.tag) return response.writeHead(304, always).end();
  response.writeHead(200, {
    ...always,
    'Content-Type': types[extname(found.file)] ?? 'application/octet-stream',
    ...(encoding ? { 'Content-Encoding': encoding } : {}),
    ...(length === undefined ? {} : { 'Content-Length': length }),
  });
  if (request.method === 'HEAD') return response.end();
  const content = Readable.from(
    (async function* () {
      if (prefix) yield prefix;
      yield* createReadStream(made ? `${found.file}${BROTLI}` : found.file);
    })(),
    { objectMode: false },
  );
  // The client may go away, or the file: the answer ends there.
  pipeline(content, ...(encoding && !made ? [ENCODERS[encoding]()] : []), response).catch(() => response.destroy());
}

/** Addresses at which other machines reach what listens at `host`. */
function othersOpen(host) {
  if (!ANY.has(host)) return isOwn(host) ? [] : [host];
  const all = Object.values(networkInterfaces()).flat();
  // One that is good on its own link alone needs a zone, which no browser takes in an address (RFC 9844).
  return all
    .filter(
      ({ internal, family, address }) =>
        !internal && !address.startsWith('fe80:') && (host === '::' || family === 'IPv4'),
    )
    .map(({ address }) => address);
}

/**
 * Starts the server on the first free port from `port` on; resolves with its address for this machine, and those for others.
 * For tests: `isolated: false` leaves the headers of isolation and policy out, as a plain static host does; `wasm: false` deletes WebAssembly; `policy` is a
 * Content-Security-Policy in place of the page's own. `ancestors`: origins that may show all of the page in a frame. `exact`: that port and no other; `answers`: functions that answer for a path, given the response. `coming`: how far guests are that are being fetched (setup.mjs, fetchGuests); undefined: none are. `allowHosts`: names to which it answers besides this machine's.
 * What is resolved has `isHost`, too: whether it answers to the Host of a request, for what else listens there.
 */
export function serve({
  port = 5173,
  host = '127.0.0.1',
  isolated = true,
  wasm = true,
  policy,
  ancestors = [],
  coming = () => undefined,
  exact = false,
  answers = {},
  allowHosts = [],
} = {}) {
  const isHost = hostCheck(host, allowHosts);
  const headers = isolated ? isolation : {};
  const policyFor = (found, search) => policy ?? (isolated ? policyOf(found, search, ancestors) : '');
  const server = createServer((request, response) => {
    try {
      answer(request, response, { headers, wasm, coming, answers, isHost, policy: policyFor });
    } catch (error) {
      // One request must not end the others' server.
      console.error(`${request.method} ${request.url}: ${error.stack}`);
      if (response.headersSent) response.destroy();
      else told(response, 500, headers, 'The server failed at this request. It says more where it was started.');
    }
  });
  const last = exact ? port : port + 50;
  return new Promise((resolve, reject) => {
    server.on('error', error => {
      if (error.code === 'EADDRINUSE' && port !== 0 && port < last) server.listen(++port, host);
      else reject(error);
    });
    server.on('listening', () => {
      const address = shown => `http://${shown.includes(':') ? `[${shown}]` : shown}:${server.address().port}/`;
      resolve({
        server,
        url: address(ANY.has(host) ? 'localhost' : host),
        others: othersOpen(host).map(address),
        isHost,
      });
    });
    server.listen(port, host);
  });
}

// Used directly by the browser tests: node scripts/serve.mjs PORT [plain] [no-wasm] [host=NAME]
if (isMain(import.meta.url)) {
  const { url } = await serve({
    port: Number(process.argv[2] ?? 5173),
    isolated: !process.argv.includes('plain'),
    wasm: !process.argv.includes('no-wasm'),
    allowHosts: process.argv.flatMap(word => (word.startsWith('host=') ? [word.slice('host='.length)] : [])),
  });
  console.log(url);
}
