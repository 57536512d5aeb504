import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { fetchedText, hostOf } from './fetched.ts';

const answers =
  (body: BodyInit | null, init: ResponseInit = {}): typeof fetch =>
  async () =>
    new Response(body, init);

it('is a text from an address, asked for without cookies', async () => {
  let asked: RequestInit | undefined;
  const text = await fetchedText('https://a.example/l.md', async (_, init) => {
    asked = init;
    return new Response('---\ntitle: é\n');
  });
  expect(text).toBe('---\ntitle: é\n');
  expect(asked).toMatchObject({ credentials: 'omit', referrerPolicy: 'no-referrer' });
  expect(hostOf('https://a.example/l.md')).toBe('a.example');
});

it.each([
  ['http://a.example/l.md', answers('x'), 'is not https'],
  ['https://', answers('x'), 'is no address'],
  ['https://a.example/l.md', answers('x', { status: 404 }), 'answered 404'],
  [
    'https://a.example/l.md',
    answers('x', { headers: { 'content-type': 'text/html; charset=utf-8' } }),
    'is a web page',
  ],
  ['https://a.example/l.md', answers(new Uint8Array([0xff, 0xfe])), 'no text in UTF-8'],
  ['https://a.example/l.md', answers('x'.repeat(500_000)), 'too much for a lesson'],
  ['https://a.example/l.md', () => Promise.reject(new TypeError('Failed to fetch')), 'Access-Control-Allow-Origin'],
] as const)('is refused with a sentence: %s', async (address, get, said) => {
  await expect(fetchedText(address, get)).rejects.toThrow(said);
});

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

/** An address of a server of this machine that answers so. */
async function served(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/l.md`;
}
const MANY = 20 * 2 ** 20,
  LATE = 'did not give its file within 0.3 seconds',
  LATE_MS = 300;

it.each<[string, RequestListener, string]>([
  ['that sends 20 MB', (_, response) => response.end(Buffer.alloc(MANY, 'x')), 'too much for a lesson'],
  ['that never answers', () => {}, LATE],
  ['that stops in the middle', (_, response) => response.write('---\ntitle: x'), LATE],
  [
    'that breaks off',
    (_, response) => {
      response.writeHead(200, { 'Content-Length': 100 });
      response.write('---\n', () => response.destroy());
    },
    'broke off on the way',
  ],
  [
    'that leads to plain http elsewhere',
    ({ headers }, response) => {
      // The same machine by a name that is not trusted.
      if (headers.host?.startsWith('127.0.0.1'))
        response
          .writeHead(302, { Location: `http://${headers.host.replace('127.0.0.1', '[::ffff:127.0.0.1]')}/` })
          .end();
      else response.end('---\n');
    },
    'which is not https',
  ],
  [
    'that leads to itself for ever',
    ({ url }, response) => response.writeHead(302, { Location: `${url}x` }).end(),
    'did not give its file to this page',
  ],
])('tells in a sentence of a server %s', async (_, answer, said) => {
  // On a busy machine the others' answers take longer than that.
  const mostMs = said === LATE ? LATE_MS : undefined;
  await expect(fetchedText(await served(answer), fetch, mostMs)).rejects.toThrow(said);
});
