/**
 * npm pack     the package as other projects install it: built files alone
 *
 * Before npm packs (prepack): the command line and the package's modules into package/, the page into dist/, what other pages load into embed/. What package.json names under "files" goes into the
 * package, and nothing has to be installed beside it.
 */
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { buildEmbed, buildPage, buildProgram } from './build.mjs';
import { at } from './lib.mjs';

const built = dirname(await buildProgram('ringside'));
const folder = at('package');
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder);
cpSync(built, folder, { recursive: true });
const scripts = at('embed');
rmSync(scripts, { recursive: true, force: true });
cpSync(await buildEmbed(), scripts, { recursive: true });
cpSync(join(scripts, 'loader.js'), join(folder, 'browser.js'));
// Types that stand by themselves: what they say is the same with another ending.
const types = readFileSync(at('src', 'api', 'types.ts'));
for (const place of [folder, scripts]) writeFileSync(join(place, 'types.d.ts'), types);
const CREATE_HOST = `import type { Guest, Host, HostOptions } from './types.js';
export type * from './types.js';

/**
 * A host with Xen and Domain 0 in this process or page, booted. It goes on until it is closed.
 * Rejects with a sentence: an option that cannot be, a directory that another process has, an entry that starts nothing.
 */
export declare function createHost(options?: HostOptions): Promise<Host>;
`;
writeFileSync(join(folder, 'package.d.ts'), CREATE_HOST);
writeFileSync(
  join(scripts, 'ringside.d.ts'),
  `${CREATE_HOST}
/** \`<ringside-guest>\`; its attributes are in docs/package.md. */
export declare class RingsideGuest extends HTMLElement {
  /** Runs the guest in place of a host of its own, where it is set before the element comes into the document. */
  host: Host | undefined;
  /** Once it runs. */
  guest: Guest | undefined;
  /** Starts the guest, or starts it again. */
  start(): Promise<void>;
}
declare global {
  interface HTMLElementTagNameMap {
    'ringside-guest': RingsideGuest;
  }
}
`,
);
await buildPage();
