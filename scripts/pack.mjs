/**
 * npm pack     the package as other projects install it: built files alone
 *
 * Before npm packs (prepack): the command line and the package's modules into package/, the page into dist/, what other pages load into embed/. What package.json names under "files" goes into the
 * package, and nothing has to be installed with it.
 */
import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { buildEmbed, buildPage, buildProgram } from './build.mjs';
import { at } from './lib.mjs';
import { writeTypes } from './package-types.mjs';

const built = dirname(await buildProgram('ringside'));
const folder = at('package');
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder);
cpSync(built, folder, { recursive: true });
const scripts = at('embed');
rmSync(scripts, { recursive: true, force: true });
cpSync(await buildEmbed(), scripts, { recursive: true });
cpSync(join(scripts, 'loader.js'), join(folder, 'browser.js'));
writeTypes(folder, scripts);
await buildPage();
