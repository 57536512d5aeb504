import { afterEach, expect, it, vi } from 'vitest';
import { fetchKept, keepDownload } from './index.ts';

const URL_OF_KERNEL = 'https://host.example/guests/debian/vmlinuz';

/** A browser's Cache as the page uses it. */
function browser(network: { answer: string | undefined }) {
  const kept = new Map<string, Response>();
  vi.stubGlobal('caches', {
    open: async () => ({
      put: async (url: string, answer: Response) => void kept.set(url, answer),
      match: async (url: string) => kept.get(url)?.clone(),
    }),
  });
  vi.stubGlobal('fetch', async (_url: string, { signal }: { signal?: AbortSignal } = {}) => {
    signal?.throwIfAborted();
    if (network.answer === undefined) throw new TypeError('Failed to fetch');
    return new Response(network.answer);
  });
  return kept;
}
afterEach(() => vi.unstubAllGlobals());

it('what was downloaded is there without a network, and what is new with one', async () => {
  const network: { answer: string | undefined } = { answer: 'first' };
  browser(network);
  await keepDownload(URL_OF_KERNEL, await (await fetchKept(URL_OF_KERNEL)).blob());
  network.answer = 'second';
  expect(await (await fetchKept(URL_OF_KERNEL)).text()).toBe('second');
  network.answer = undefined;
  for (let i = 0; i < 2; i++) expect(await (await fetchKept(URL_OF_KERNEL)).text()).toBe('first');
  await expect(fetchKept(`${URL_OF_KERNEL}-other`)).rejects.toThrow(TypeError);
});

it('one that was cancelled is not had from what is kept, and a large image is not kept', async () => {
  const network: { answer: string | undefined } = { answer: 'kernel' };
  const kept = browser(network);
  await keepDownload(URL_OF_KERNEL, new Blob(['kernel']));
  await expect(fetchKept(URL_OF_KERNEL, AbortSignal.abort())).rejects.toThrow(/abort/i);
  await keepDownload(`${URL_OF_KERNEL}.img`, { size: 65 * 1024 * 1024 } as Blob);
  expect([...kept.keys()]).toEqual([URL_OF_KERNEL]);
});

it('a browser without a cache fetches as ever', async () => {
  vi.stubGlobal('caches', undefined);
  vi.stubGlobal('fetch', async () => new Response('kernel'));
  await keepDownload(URL_OF_KERNEL, new Blob(['kernel']));
  expect(await (await fetchKept(URL_OF_KERNEL)).text()).toBe('kernel');
});
