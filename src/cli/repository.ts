/** Where the repository is, with its guests. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A program knows it (scripts/program.mjs), a test is below it. */
export function repository(): string {
  if (process.env.RINGSIDE_ROOT !== undefined) return process.env.RINGSIDE_ROOT;
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}
