/** The page's service worker: isolation where the server sends no headers for it, and the page's files for when there is no network. */

import { signal } from '@preact/signals';

/** The page's files are kept: it opens without a network. */
export const keptOffline = signal(false);

/** It was tried in this tab: where it brought nothing, it is not tried for ever. */
const TRIED = 'ringside-isolation-tried';
/** A service worker that takes longer to start is not waited for. */
const MOST_MS = 5000;
/** Files are fetched for later when nobody waits for others. */
const LATER_MS = 10_000;

/**
 * There is none over plain http from another machine, in private windows of some browsers, and while developing. A frame is isolated where the page around it
 * is, whatever is sent with the frame, and without a network that page is gone.
 */
const canServe = (): boolean =>
  import.meta.env.PROD && globalThis.top === globalThis.self && 'serviceWorker' in navigator;

/** True: the page is about to be loaded again, isolated this time, and should start nothing. */
export async function isolate(): Promise<boolean> {
  if (!canServe() || globalThis.crossOriginIsolated) return false;
  try {
    if (sessionStorage.getItem(TRIED) !== null) return false;
    sessionStorage.setItem(TRIED, 'yes');
    const { serviceWorker } = navigator;
    // A page that is loaded again before it answers for it is the same page.
    const answers = new Promise<boolean>(resolve =>
      serviceWorker.addEventListener('controllerchange', () => resolve(true), { once: true }),
    );
    const late = new Promise<boolean>(resolve => setTimeout(() => resolve(false), MOST_MS));
    if (!(await serviceWorker.register('./service-worker.js'))) return false;
    if (!serviceWorker.controller && !(await Promise.race([answers, late]))) return false;
    location.reload();
    return true;
  } catch {
    // A policy or a browser that allows none: the page goes on without.
    return false;
  }
}

/** Has the page's files kept, once it has been there for a while. */
export function keepForLater(): void {
  if (!canServe()) return;
  setTimeout(() => {
    void navigator.serviceWorker
      .register('./service-worker.js')
      .then(registered => registered && navigator.serviceWorker.ready)
      .then(
        ready => {
          navigator.serviceWorker.addEventListener('message', ({ data }) => {
            if (data === 'kept') keptOffline.value = true;
          });
          ready?.active?.postMessage('keep');
        },
        () => {},
      );
  }, LATER_MS);
}
