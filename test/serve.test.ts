import { readdirSync } from 'node:fs';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { request } from 'node:http';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { servePage } from './support/browsers.ts';

describe('the local server', () => {
  let page: { url: string; stop: () => void };
  beforeAll(async () => {
    page = await servePage();
  });
  afterAll(() => page.stop());

  /** As typed: fetch() would resolve the dots itself. */
  const get = (path: string): Promise<IncomingMessage> =>
    new Promise((resolve, reject) =>
      request(page.url, { path }, answer => {
        answer.resume();
        resolve(answer);
      })
        .on('error', reject)
        .end(),
    );

  it('sends the headers that SharedArrayBuffer needs', async () => {
    expect((await get('/')).headers).toMatchObject({ 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' });
  });

  const content = (
    path: string,
    headers: IncomingHttpHeaders,
  ): Promise<{ headers: IncomingHttpHeaders; status: number | undefined; bytes: Buffer }> =>
    new Promise((resolve, reject) =>
      request(page.url, { path, headers }, answer => {
        const parts: Buffer[] = [];
        answer
          .on('data', part => parts.push(part))
          .on('end', () => resolve({ headers: answer.headers, status: answer.statusCode, bytes: Buffer.concat(parts) }));
      })
        .on('error', reject)
        .end(),
    );

  it('lets browsers keep what has a hash in its name, and ask again for everything else', async () => {
    const script = `/assets/${readdirSync(new URL('../dist/assets/', import.meta.url)).find(name => /^index-.*\.js$/.test(name))}`;
    expect((await get(script)).headers['cache-control']).toBe('public, max-age=31536000, immutable');
    const { headers } = await get('/');
    expect(headers['cache-control']).toBe('no-cache');
    // RFC 9110, 13.1.2: who has it already gets no content.
    expect(await content('/', { 'if-none-match': headers.etag })).toMatchObject({ status: 304, bytes: Buffer.alloc(0) });
  });

  it('compresses texts as the client can read them', async () => {
    const script = `/assets/${readdirSync(new URL('../dist/assets/', import.meta.url)).find(name => /^index-.*\.js$/.test(name))}`;
    const plain = await content(script, {});
    expect(plain.headers['content-encoding']).toBeUndefined();
    const brotli = await content(script, { 'accept-encoding': 'gzip, deflate, br' });
    expect(brotli.headers).toMatchObject({ 'content-encoding': 'br', vary: 'Accept-Encoding' });
    expect(brotli.bytes.length).toBeLessThan(plain.bytes.length / 2);
    expect(brotliDecompressSync(brotli.bytes).equals(plain.bytes)).toBe(true);
    const gzip = await content(script, { 'accept-encoding': 'gzip, br;q=0' });
    expect(gunzipSync(gzip.bytes).equals(plain.bytes)).toBe(true);
  });

  it('gives out nothing from outside its folders', async () => {
    for (const path of [
      '/../package.json',
      '/%2e%2e/package.json',
      '/guests/../../package.json',
      '/guests/%2e%2e%2f%2e%2e%2fpackage.json',
      '/%00',
      '/%zz',
      '/..%5cpackage.json',
    ])
      expect((await get(path)).statusCode, path).toBe(404);
  });
});
