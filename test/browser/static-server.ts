/** The built page as any static host has it: in a folder, and with no headers of isolation. */
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';

const TYPES: Record<string, string> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};

/** Knows files and their types, and nothing of isolation. `folder`: where the page is, between slashes; `others`: what else is there, by its path. */
export async function serveStatic(
  folder: string,
  others: Readonly<Record<string, RequestListener>> = {},
): Promise<Server> {
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    if (others[path]) return others[path](request, response);
    const file = path.startsWith(folder) ? join('dist', path.slice(folder.length) || 'index.html') : '';
    if (file === '' || !existsSync(file) || !statSync(file).isFile()) return void response.writeHead(404).end();
    response.writeHead(200, { 'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream' });
    createReadStream(file).pipe(response);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return server;
}

/** Ends it, with all that somebody still reads. */
export const ended = (server: Server): Promise<void> =>
  new Promise(resolve => void server.close(() => resolve()).closeAllConnections());

export const portOf = (server: Server): number => (server.address() as AddressInfo).port;
