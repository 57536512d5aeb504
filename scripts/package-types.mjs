/** The types of the package: what is complete in src/api, and what each of its modules exports. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { at } from './lib.mjs';

const CREATE_HOST = `import type { Host, HostOptions } from './types.js';
export type * from './types.js';
export type { RingsideGuestElement } from './element.js';

/**
 * A host with Xen and Domain 0 in this process or page, booted. It goes on until it is closed.
 * Rejects with a sentence: an option that cannot be, a directory that another process has, an entry that starts nothing.
 */
export declare function createHost(options?: HostOptions): Promise<Host>;
`;
const ELEMENT = `import type { RingsideGuestElement } from './element.js';

/** The class of \`<ringside-guest>\`; its attributes are in docs/package.md. */
export declare const RingsideGuest: { new (): RingsideGuestElement; prototype: RingsideGuestElement };
export type RingsideGuest = RingsideGuestElement;
`;

/** Writes them into the folder of the package's modules and into that of other pages' scripts. */
export function writeTypes(modules, scripts) {
  for (const name of ['types', 'element']) {
    const text = readFileSync(at('src', 'api', `${name}.ts`), 'utf8').replaceAll("'./types.ts'", "'./types.js'");
    for (const folder of [modules, scripts]) writeFileSync(join(folder, `${name}.d.ts`), text);
  }
  writeFileSync(join(modules, 'package.d.ts'), CREATE_HOST);
  writeFileSync(join(scripts, 'ringside.d.ts'), CREATE_HOST + ELEMENT);
}
