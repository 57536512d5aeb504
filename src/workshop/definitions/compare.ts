/** What two documents differ in: one line for each element, attribute and text that only one has, or that is another. */

/** As Element of the reader of XML, as far as it is asked here. */
interface Tree {
  name: string;
  attributes: Readonly<Record<string, string>>;
  children: readonly Tree[];
  text: string;
}

export interface Difference {
  /** As domain/devices/disk/driver@name. */
  path: string;
  /** undefined: it has none. */
  theirs?: string | undefined;
  ours?: string | undefined;
}

const PRESENT = '(is there)';

/** Which elements of a name are the same one. */
const IDENTITY: Readonly<Record<string, (element: Tree) => string>> = {
  disk: element => childAttribute(element, 'target', 'dev'),
  channel: element => childAttribute(element, 'target', 'name'),
  controller: ({ attributes: { type = '', index = '0' } }) => `${type} ${index}`,
  input: ({ attributes: { type = '', bus = '' } }) => `${type} ${bus}`,
  graphics: ({ attributes }) => attributes.type ?? '',
  feature: ({ attributes }) => attributes.name ?? '',
  timer: ({ attributes }) => attributes.name ?? '',
};
const childAttribute = (element: Tree, child: string, attribute: string): string =>
  element.children.find(({ name }) => name === child)?.attributes[attribute] ?? '';

/** Facts by their places: the index of an element among several is in brackets. */
function factsOf(element: Tree, path: string, facts: Map<string, string>): void {
  facts.set(path, element.children.length > 0 || element.text === '' ? PRESENT : element.text);
  for (const [name, value] of Object.entries(element.attributes)) facts.set(`${path}@${name}`, value);
  const counts = new Map<string, number>();
  for (const child of element.children) {
    const key = IDENTITY[child.name]?.(child) ?? '';
    const number = counts.get(child.name + key) ?? 0;
    counts.set(child.name + key, number + 1);
    const which = key === '' && number === 0 ? '' : `[${key}${number === 0 ? '' : number}]`;
    factsOf(child, `${path}/${child.name}${which}`, facts);
  }
}

/** Of an element that one alone has, nothing else is said. */
export function differences(theirs: Tree, ours: Tree): Difference[] {
  const [all, mine] = [theirs, ours].map(tree => {
    const facts = new Map<string, string>();
    factsOf(tree, tree.name, facts);
    return facts;
  }) as [Map<string, string>, Map<string, string>];
  const found: Difference[] = [];
  const isBelow = (path: string): boolean =>
    found.some(
      other =>
        (other.theirs === undefined || other.ours === undefined) &&
        /^[@/]/.test(path.slice(other.path.length)) &&
        path.startsWith(other.path),
    );
  for (const path of [...new Set([...all.keys(), ...mine.keys()])])
    if (all.get(path) !== mine.get(path) && !isBelow(path))
      found.push({ path, theirs: all.get(path), ours: mine.get(path) });
  return found;
}

/** A difference's kind: without which element of several it is. */
export const kindOf = ({ path, theirs, ours }: Difference): string => {
  const where = path.replaceAll(/\[[^\]]*\]/g, '');
  if (theirs === undefined) return `${where}: only here`;
  return ours === undefined ? `${where}: only theirs` : `${where}: another value`;
};
