/** Modules that are loaded when they are wanted, on a network that comes and goes. */
import { outside } from '../../../formats/bytes/index.ts';

/** Where a browser's message says which module it could not fetch: Chromium and Firefox do. */
const ADDRESS = /https?:\S+/;

/** Where the bundler put several modules into one file, that exports each of them as an object, and `load` picks one; asked for by its address they come together. */
const unbundled = (file: object): object => {
  const modules = Object.values(file).filter(each => each?.[Symbol.toStringTag] === 'Module');
  return modules.length > 0 ? Object.assign({}, ...modules) : file;
};

/**
 * `load`, which may be called again where it failed. What could not be fetched once stays failed under its address as long as the page or its worker lives
 * (HTML, module map), so it is asked for under another one. `isOther`: what was at this address is no module, and comes by itself.
 */
export function loadedAgain<Module>(
  load: () => Promise<Module>,
  isOther: (address: string) => boolean = () => false,
): () => Promise<Module> {
  let address: string | undefined,
    tries = 0,
    loaded: Module | undefined;
  return async () => {
    try {
      return (loaded ??= address
        ? (unbundled(await outside(import(/* @vite-ignore */ `${address}?again=${++tries}`))) as Module)
        : await outside(load()));
    } catch (error) {
      const failed = ADDRESS.exec((error as Error).message)?.[0];
      if (failed && !isOther(failed)) address ??= failed;
      throw error;
    }
  };
}
