import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
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
