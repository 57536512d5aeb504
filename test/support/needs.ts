/** What some tests need and not every machine has. */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Nothing may be skipped (.ci/run), but what needs ../shared where that is absent. */
export const strict = process.env.RINGSIDE_STRICT === '1';

const root = new URL('../../', import.meta.url);

/** A file of the repository. */
export const file = (path: string): string => fileURLToPath(new URL(path, root));

/** Where this machine has a program; undefined: it has not. */
export const program = (name: string): string | undefined =>
  [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin']
    .map(folder => join(folder, name))
    .find(path => existsSync(path));

/** Put it in the title of a test that is skipped without ../shared: scripts/test.mjs looks for it. */
export const NEEDS_SHARED = '[needs ../shared]';
export const shared = (path: string): string => file(`../shared/${path}`);
export const haveShared = existsSync(shared('oracle'));
