/**
 * Parts of this program: what is loaded once it is needed, on a network that comes and goes. A part is named in one place, by `part`, and is used from many; all
 * of its users have the same module.
 */
import { outside } from '../bytes/index.ts';

/** A part could not be loaded. `does`: what it does, as a verb with what follows it. `cause`: what the browser says. */
export class PartError extends Error {
  override name = 'PartError';

  constructor(does: string, cause: unknown) {
    super(`The part of Ringside that ${does} could not be loaded. Check the connection and try again.`, { cause });
  }
}

export interface Part<Module> {
  /** Undefined: it was not loaded yet. */
  readonly loaded: Module | undefined;
  /** Loads it, unless it is loaded; a call after a failure tries again. @throws PartError */
  load(): Promise<Module>;
  /** The part, which was loaded before. @throws Error where it was not, which is a mistake of the caller */
  get(): Module;
}

/** Where a browser's message says which module it could not fetch: Chromium and Firefox do. */
const ADDRESS = /https?:\S+/;

/** Where the bundler put several modules into one file, that exports each of them as an object, and `load` picks one; asked for by its address they come together. */
const unbundled = (file: object): object => {
  const modules = Object.values(file).filter(each => each?.[Symbol.toStringTag] === 'Module');
  return modules.length > 0 ? Object.assign({}, ...modules) : file;
};

/**
 * The part that `load` imports. What could not be fetched once stays failed under its address as long as the page or its worker lives (HTML, module map), so it is
 * asked for under another one.
 *
 * @param does see PartError
 * @param isOther what was at this address is no module, and comes by itself
 */
export function part<Module>(
  load: () => Promise<Module>,
  does: string,
  isOther: (address: string) => boolean = () => false,
): Part<Module> {
  let address: string | undefined,
    tries = 0,
    loaded: Module | undefined;
  const importIt = async (): Promise<Module> =>
    address ? (unbundled(await import(/* @vite-ignore */ `${address}?again=${++tries}`)) as Module) : load();
  return {
    get loaded() {
      return loaded;
    },
    load: async () => {
      try {
        return (loaded ??= await outside(importIt()));
      } catch (cause) {
        const failed = ADDRESS.exec((cause as Error).message)?.[0];
        if (failed && !isOther(failed)) address ??= failed;
        throw new PartError(does, cause);
      }
    },
    get: () => {
      if (!loaded) throw new Error(`The part that ${does} is used before it is loaded.`);
      return loaded;
    },
  };
}
