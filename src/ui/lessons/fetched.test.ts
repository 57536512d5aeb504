import { expect, it } from 'vitest';
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
