/** Modules that are loaded when they are wanted, on a network that comes and goes. */

import { loadedAgain } from '../dom0/host/loading/index.ts';

/** One that did not come has no sheet, or one that must not be read. */
function isStyled({ sheet }: HTMLLinkElement): boolean {
  try {
    return (sheet?.cssRules.length ?? 0) > 0;
  } catch {
    return false;
  }
}

/** Style sheets that did not come are asked for again. The scripts that waited for them come after them. */
async function styled(): Promise<void> {
  const failed = [...document.querySelectorAll<HTMLLinkElement>('link[rel=stylesheet]')].filter(
    link => !isStyled(link),
  );
  await Promise.all(
    failed.map(
      ({ href }) =>
        new Promise((resolve, reject) => {
          const link = Object.assign(document.createElement('link'), { rel: 'stylesheet', crossOrigin: '', href });
          link.addEventListener('load', resolve);
          link.addEventListener('error', () => {
            link.remove();
            reject(new Error(`Unable to load ${href}`));
          });
          document.head.append(link);
        }),
    ),
  );
  for (const link of failed) link.remove();
}

/** What `persistent` made: callers that share one have the same module after a failure, too. */
const made = new WeakSet<() => Promise<unknown>>();

/** `load`, which may be called again where it failed (dom0/host/loading), also where what did not come was its style sheet. */
export function persistent<Module>(load: () => Promise<Module>): () => Promise<Module> {
  if (made.has(load)) return load;
  let lacksStyle = false;
  const again = loadedAgain(load, address => {
    const isStyle = address.endsWith('.css');
    if (isStyle) lacksStyle = true;
    return isStyle;
  });
  const get = async (): Promise<Module> => {
    if (lacksStyle) await styled();
    lacksStyle = false;
    return again();
  };
  made.add(get);
  return get;
}

/** The same of each whole module that `import.meta.glob` found. To be made once: what `persistent` made is what knows that it failed. */
export const allPersistent = <Module>(
  loads: Readonly<Record<string, () => Promise<Module>>>,
): Readonly<Record<string, () => Promise<Module>>> =>
  Object.fromEntries(Object.entries(loads).map(([path, load]) => [path, persistent(load)]));
