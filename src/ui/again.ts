/** Modules that are loaded when they are wanted, on a network that comes and goes. */

/** Where a browser's message says which module it could not fetch: Chromium and Firefox do. */
const ADDRESS = /https?:\S+/;

/**
 * `load`, which may be called again where it failed. What could not be fetched once stays failed under its address as long as the page is open (HTML, module
 * map), so it is asked for under another one.
 */
export function persistent<Module>(load: () => Promise<Module>): () => Promise<Module> {
  let address: string | undefined, tries = 0;
  return async () => {
    try {
      return await (address ? import(/* @vite-ignore */ `${address}?again=${++tries}`) as Promise<Module> : load());
    } catch (error) {
      address ??= ADDRESS.exec((error as Error).message)?.[0];
      throw error;
    }
  };
}
