/**
 * npm pack     the package as other projects install it: built files alone
 *
 * Before npm packs (prepack): the command line and the package's module into package/, the page into dist/. What package.json names under "files" goes into the
 * package, and nothing has to be installed beside it.
 */
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { buildPage, buildProgram } from './build.mjs';
import { at } from './lib.mjs';

const built = dirname(await buildProgram('ringside'));
const folder = at('package');
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder);
cpSync(built, folder, { recursive: true });
// Types that stand by themselves: what they say is the same with another ending.
writeFileSync(join(folder, 'types.d.ts'), readFileSync(at('src', 'api', 'types.ts')));
writeFileSync(
  join(folder, 'package.d.ts'),
  `import type { Host, HostOptions } from './types.js';
export type * from './types.js';

/**
 * A host with Xen and Domain 0 in this process, booted. It goes on until it is closed.
 * Rejects with a sentence: an option that cannot be, a directory that another process has, an entry that starts nothing.
 */
export declare function createHost(options?: HostOptions): Promise<Host>;
`,
);
await buildPage();
