/**
 * Files of guests as they were downloaded last: what a browser has once had boots without a network, too. The page's own files are the service worker's
 * (src/ui/service-worker.ts); these are larger, and go by it.
 */

/** Not one of the service worker's: those of other builds are thrown away. */
const CACHE = 'guests-of-ringside';
/** Of larger ones, images of disks, a copy would take too much of what a browser gives to a page. */
const MOST_BYTES = 64 * 1024 * 1024;

/** There is none over plain http from another machine, and in some private windows. */
const cache = async (): Promise<Cache | undefined> =>
  typeof caches === 'undefined' ? undefined : caches.open(CACHE).catch(() => undefined);

/** From the network, so that what is new is seen; where there is none, as it was kept. @throws TypeError where neither has it, AbortError */
export async function fetchKept(url: string, signal?: AbortSignal): Promise<Response> {
  try {
    return await fetch(url, signal ? { signal } : {});
  } catch (error) {
    const kept = signal?.aborted ? undefined : await (await cache())?.match(url).catch(() => undefined);
    if (kept) return kept;
    throw error;
  }
}

/** Keeps what was downloaded whole. Where the browser has no room for it, it is not kept. */
export async function keepDownload(url: string, data: Blob): Promise<void> {
  // What the page carries has a hash in its name, and is kept by the service worker.
  if (data.size > MOST_BYTES || !new URL(url).pathname.includes('/guests/')) return;
  await (await cache())?.put(url, new Response(data)).catch(() => {});
}
