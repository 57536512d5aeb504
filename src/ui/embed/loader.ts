/**
 * The package for a bundler: `import { createHost } from 'ringside'`. Workers start from scripts of the page's own origin alone, and find each other by
 * their places: those scripts stay as they are, in a folder that the embedder serves, and are loaded when a host is wanted.
 */
import type { Host, HostOptions } from '../../api/index.ts';

const SCRIPTS = 'ringside/';

/** As `createHost` of the scripts themselves. @throws Error where they are not there */
export async function createHost(options: HostOptions = {}): Promise<Host> {
  const { scripts = SCRIPTS } = options;
  const { href } = new URL('ringside.js', new URL(scripts.replace(/\/?$/, '/'), document.baseURI));
  const loaded = await (
    import(/* @vite-ignore */ /* webpackIgnore: true */ href) as Promise<{
      createHost: typeof createHost;
    }>
  ).catch(() => {
    throw new Error(
      `${href} could not be loaded. Serve the folder embed/ of the package ringside there, or say with \`scripts\` where it is.`,
    );
  });
  return loaded.createHost(options);
}
