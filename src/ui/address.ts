/**
 * Places of the page in its address, behind #: `#/guest/NAME/TAB`, `#/host/TAB`, `#/defined/NAME/TAB`, else `#/KIND/NAME`. A guest is named, since its number
 * is another's at the next visit. Where the address names none the page begins at the desktop.
 */
import type { Place } from './place.ts';

/** Kinds that the address calls otherwise. */
const HOST = 'host',
  GUEST = 'guest',
  DESKTOP = 'desktop';
/** What was dropped is gone at the next visit, and a lesson has an address of its own (?lesson=). */
const UNNAMED = ['draft', 'lesson'];
/** Anybody may write one. */
const MOST_CHARACTERS = 4096;

/** With the # in front; '': none. `nameOf`: of a guest by its number. */
export function hashOf({ kind, id, name, tab }: Place, nameOf: (id: number) => string | undefined): string {
  if (UNNAMED.includes(kind)) return '';
  if (kind === 'home') return tab === undefined ? '' : hash(HOST, tab, name);
  if (kind === 'domain') return hash(GUEST, id === undefined ? name : nameOf(id), tab);
  return hash(kind, name, tab);
}

/** Where one is missing, those behind it would take its position: they are left out. */
function hash(...words: (string | undefined)[]): string {
  const end = words.findIndex(word => word === undefined || word === '');
  return `#/${words
    .slice(0, end < 0 ? words.length : end)
    .map(word => encodeURIComponent(word!))
    .join('/')}`;
}

/** The place that an address names; a guest by its name. Undefined: it names none. */
export function placeOf(address: string): Place | undefined {
  if (!address.startsWith('#/') || address.length > MOST_CHARACTERS) return undefined;
  let words: string[];
  try {
    words = address.slice(2).split('/').map(decodeURIComponent);
  } catch {
    return undefined;
  }
  const [kind = '', first = '', second = ''] = words;
  if (!/^[a-z][a-z-]*$/.test(kind) || UNNAMED.includes(kind)) return undefined;
  const named = { ...(first ? { name: first } : {}), ...(second ? { tab: second } : {}) };
  if (kind === GUEST) return first ? { kind: 'domain', ...named } : undefined;
  if (kind === HOST)
    return { kind: 'home', ...(first && first !== DESKTOP ? { tab: first } : {}), ...(second ? { name: second } : {}) };
  return { kind, ...named };
}
