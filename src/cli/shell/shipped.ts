/** Guests that a host in node is installed with: those of the repository, and what `npm run guests` fetched. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { OWN_GUESTS, type ShippedGuest } from '../../dom0/service/index.ts';
import { fileBytesLater } from '../file-bytes.ts';
import { repository } from '../repository.ts';

/** What this reads of .cache/guests/catalogue.json (scripts/guests.ts writes it); paths are relative to it. */
interface Catalogue {
  guests: { id: string; files: { name: string; path: string }[] }[];
}

export function shippedGuests(): ShippedGuest[] {
  const root = repository();
  const fileIn =
    (folder: string) =>
    (name: string, path = name) => ({ name, read: () => fileBytesLater(join(folder, path)) });
  const own = Object.entries(OWN_GUESTS).map(([id, names]) => ({
    id,
    files: names.map(name => fileIn(join(root, 'guests', id))(name)),
  }));
  const fetched = join(root, '.cache', 'guests');
  let catalogue: Catalogue;
  try {
    catalogue = JSON.parse(readFileSync(join(fetched, 'catalogue.json'), 'utf8')) as Catalogue;
  } catch {
    return own;
  }
  return [
    ...own,
    ...catalogue.guests.map(({ id, files }) => ({
      id,
      fetched: true as const,
      files: files.map(({ name, path }) => fileIn(fetched)(name, path)),
    })),
  ];
}
