/** The embedded guests' files, in the folder that this program comes from. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ReadEmbedded } from '../dom0/index.ts';

/** @throws Error where they are not there */
export const readEmbedded: ReadEmbedded = async name => {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    try {
      return readFileSync(join(folder, 'guests', name));
    } catch (error) {
      if (dirname(folder) === folder) throw error;
    }
  }
};
