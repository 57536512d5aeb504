/** Modules that are loaded when they are wanted, on a network that comes and goes. */

import { type Part, PartError, part } from '../formats/loading/index.ts';

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

/** A part of the page, with its style sheet: `load` asks again for one that did not come. It rejects with what the browser says: the views have their own sentences. */
export function pagePart<Module>(load: () => Promise<Module>): Part<Module> {
  let lacksStyle = false;
  const own = part(load, 'shows this', address => {
    const isStyle = address.endsWith('.css');
    if (isStyle) lacksStyle = true;
    return isStyle;
  });
  return {
    get loaded() {
      return own.loaded;
    },
    get: own.get,
    load: async () => {
      if (lacksStyle) await styled();
      lacksStyle = false;
      return own.load().catch((error: unknown) => {
        throw error instanceof PartError ? error.cause : error;
      });
    },
  };
}

/** The same of each whole module that `import.meta.glob` found. */
export const pageParts = <Module>(
  loads: Readonly<Record<string, () => Promise<Module>>>,
): Readonly<Record<string, Part<Module>>> =>
  Object.fromEntries(Object.entries(loads).map(([path, load]) => [path, pagePart(load)]));
