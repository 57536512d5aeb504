/** Modules that are loaded when they are wanted, on a network that comes and goes. */

/** Where a browser's message says which module it could not fetch: Chromium and Firefox do. */
const ADDRESS = /https?:\S+/;

/** One that did not come has no sheet, or one that must not be read. */
function isStyled({ sheet }: HTMLLinkElement): boolean {
  try {
    return (sheet?.cssRules.length ?? 0) > 0;
  } catch {
    return false;
  }
}

/** Style sheets that did not come are asked for anew. The scripts that waited for them come after them. */
async function styled(): Promise<void> {
  const failed = [...document.querySelectorAll<HTMLLinkElement>('link[rel=stylesheet]')].filter(link => !isStyled(link));
  await Promise.all(failed.map(({ href }) => new Promise((resolve, reject) => {
    const link = Object.assign(document.createElement('link'), { rel: 'stylesheet', crossOrigin: '', href });
    link.addEventListener('load', resolve);
    link.addEventListener('error', () => { link.remove(); reject(new Error(`Unable to load ${href}`)); });
    document.head.append(link);
  })));
  for (const link of failed) link.remove();
}

/** Where the bundler put several modules into one file, that exports each of them as an object, and `load` picks one; asked for by its address they come together. */
const unbundled = (file: object): object => {
  const modules = Object.values(file).filter(each => each?.[Symbol.toStringTag] === 'Module');
  return modules.length > 0 ? Object.assign({}, ...modules) : file;
};

/** What `persistent` made: whoever shares one has the same module after a failure, too. */
const made = new WeakSet<() => Promise<unknown>>();

/**
 * `load`, which may be called again where it failed. What could not be fetched once stays failed under its address as long as the page is open (HTML, module
 * map), so it is asked for under another one.
 */
export function persistent<Module>(load: () => Promise<Module>): () => Promise<Module> {
  if (made.has(load)) return load;
  let address: string | undefined, lacksStyle = false, tries = 0, loaded: Module | undefined;
  const get = async (): Promise<Module> => {
    try {
      if (lacksStyle) await styled();
      lacksStyle = false;
      return (loaded ??= address ? unbundled(await import(/* @vite-ignore */ `${address}?again=${++tries}`)) as Module : await load());
    } catch (error) {
      const failed = ADDRESS.exec((error as Error).message)?.[0];
      if (failed?.endsWith('.css')) lacksStyle = true;
      else address ??= failed;
      throw error;
    }
  };
  made.add(get);
  return get;
}
