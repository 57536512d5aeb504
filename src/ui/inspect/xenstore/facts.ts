/** What is seen of xenstored's tree: nodes of a guest or of all, who watches them, and the two halves of a device. */

import type { Inspected, StoreNode } from '../../../dom0/service/index.ts';
import type { Shown } from '../inspector.ts';
import type { words } from './words.ts';

/** How long a node is highlighted after it was written. */
const FIRED_MS = 2500;

/** `root`: where the part of the tree begins that it is shown in. */
export type Row = StoreNode & { root: string };
export interface Data {
  nodes: Row[];
  watches: Inspected['store']['watches'];
  /** When a look found a node written, by the page's clock. */
  changed: ReadonlyMap<string, number>;
  nowMs: number;
}

/** The part of the tree that a node belongs to, of those that are about a guest: its own, its back ends', the toolstack's; of the host all is one. */
const rootOf = (path: string, id: number | undefined): string | undefined =>
  (id === undefined
    ? /^\/[^/]+/
    : new RegExp(`^(/local/domain/${id}|/local/domain/0/backend/[^/]+/${id}|/libxl/${id})(?=/|$)`)
  ).exec(path)?.[0];
/** A guest's own part first. */
const rank = (root: string): number => (root.startsWith('/local/domain/0/') ? 1 : root.startsWith('/local') ? 0 : 2);

/** Nodes of the whole tree that are about a guest (undefined: all), its own part first. */
export const nodesOf = (all: readonly StoreNode[], id: number | undefined): Row[] =>
  all
    .flatMap((node): Row[] => {
      const root = rootOf(node.path, id);
      return root === undefined ? [] : [{ ...node, root }];
    })
    .sort((a, b) => rank(a.root) - rank(b.root) || byParts(a.path, b.path));

/** A node's generation changes with its children, too: that is no write to it. `before`: undefined in the first look, of which nothing is known. */
export function isWritten(node: StoreNode, before: ReadonlyMap<string, StoreNode> | undefined): boolean {
  const old = before?.get(node.path);
  return old ? old.generation !== node.generation && old.children === node.children : before !== undefined;
}

/** A folder before what is in it, numbers as numbers. */
function byParts(a: string, b: string): number {
  const left = a.split('/'),
    right = b.split('/');
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    if (left[i] === right[i]) continue;
    const numbers = Number(left[i]) - Number(right[i]);
    return Number.isNaN(numbers) ? (left[i]! < right[i]! ? -1 : 1) : numbers;
  }
  return left.length - right.length;
}

export const watchersOf = (path: string, watches: Data['watches']): Data['watches'] =>
  watches.filter(watch => path === watch.path || path.startsWith(`${watch.path === '/' ? '' : watch.path}/`));

/** Domains that hear of a change, with how many of their programs do. */
export function watcherText(path: string, watches: Data['watches'], nameOf: (id: number) => string): string {
  const counts = new Map<number, number>();
  for (const { domid } of watchersOf(path, watches)) counts.set(domid, (counts.get(domid) ?? 0) + 1);
  return [...counts].map(([domid, count]) => `${nameOf(domid)}${count > 1 ? ` × ${count}` : ''}`).join(', ');
}

export const isState = (path: string): boolean => /\/state$/.test(path) && /\/(device|backend)\//.test(path);
/** Where nothing was chosen: the state of a device, in which two sides meet. */
export const chosenPath = ({ data, chosen }: Pick<Shown<Data>, 'data' | 'chosen'>): string =>
  chosen || (data.nodes.find(({ path }) => isState(path)) ?? data.nodes[0])?.path || '';

/** The state of the other side of a device, of which `path` is a state. */
export function otherSide(nodes: readonly StoreNode[], path: string): string | undefined {
  const folder = path.replace(/\/state$/, '');
  const other = nodes.find(
    each => each.path === `${folder}/${folder.includes('/backend/') ? 'frontend' : 'backend'}`,
  )?.value;
  return other === undefined ? undefined : `${other}/state`;
}

export interface Sides {
  front: Row | undefined;
  back: Row | undefined;
  device: string;
  sinceMs: number;
}

/** Both halves of the device that a node is of. */
export function sidesOf(nodes: readonly Row[], chosen: string): Sides | undefined {
  const folder = /^(.*\/(?:device|backend\/[^/]+)\/(?:[^/]+\/)?\d+)(?=\/|$)/.exec(chosen)?.[1],
    own = folder === undefined ? undefined : `${folder}/state`;
  const other = own === undefined ? undefined : otherSide(nodes, own),
    at = (path: string | undefined): Row | undefined => nodes.find(node => node.path === path);
  if (!own || !at(own)) return undefined;
  const [front, back] = own.includes('/backend/') ? [at(other), at(own)] : [at(own), at(other)];
  return {
    front,
    back,
    device: (front ?? back)!.path.split('/').slice(-3, -1).join(' '),
    sinceMs: Math.min(...[front, back].map(node => node?.writes[0]?.ms ?? Infinity)),
  };
}

/** The directory of each half; its state, which the two halves meet by, at once. */
function rowsOfSides(nodes: readonly Row[], { front, back }: Sides): Row[] {
  return [front, back].flatMap(state => {
    if (!state) return [];
    const folder = state.path.replace(/\/state$/, '');
    return [
      ...nodes.filter(({ path }) => path === folder).map(node => ({ ...node, root: folder })),
      { ...state, root: folder },
      ...nodes
        .filter(({ path, children }) => path.startsWith(`${folder}/`) && children === 0 && path !== state.path)
        .map(node => ({ ...node, root: folder })),
    ];
  });
}

/** Folders that are closed at first: all but those that lead to the two sides of the chosen device. The tree begins at its root, and both are near it. */
export function closedAtFirst(nodes: readonly StoreNode[], chosen: string): Set<string> {
  if (!isState(chosen)) return new Set();
  const ways = [chosen, otherSide(nodes, chosen)];
  return new Set(
    nodes
      .filter(({ path, children }) => children > 0 && !ways.some(way => way?.startsWith(`${path}/`)))
      .map(({ path }) => path),
  );
}

/** How the tree is looked at: only nodes that have `text`, both sides of the chosen device, or those that somebody watches; folders in `closed` are. */
export interface TreeView {
  text: string;
  mode: keyof typeof words.modes;
  closed: ReadonlySet<string>;
}
export interface TreeRow {
  node: Row;
  depth: number;
  label: string;
  /** Its part of the tree can be closed. */
  isFolder: boolean;
  isOpen: boolean;
  hasFired: boolean;
  /** When who watches it heard of its last write, milliseconds since the two sides began. */
  heardMs?: number;
}
export interface Listing {
  rows: TreeRow[];
  /** Both sides are shown. */
  isSides: boolean;
  sides: Sides | undefined;
}

export function listed(data: Data, chosen: string, { text, mode, closed }: TreeView): Listing {
  const { nodes, watches, changed, nowMs } = data,
    sides = sidesOf(nodes, chosen),
    isSides = mode === 'sides' && text === '' && sides !== undefined,
    isFlat = text !== '' || mode === 'watched';
  const isHit = ({ path, value }: StoreNode): boolean =>
    (!text || path.toLowerCase().includes(text) || value.toLowerCase().includes(text)) &&
    (mode !== 'watched' || watches.some(watch => watch.path === path));
  const shown = isSides
    ? rowsOfSides(nodes, sides)
    : isFlat
      ? nodes.filter(isHit)
      : nodes.filter(({ path }) => ![...closed].some(each => path.startsWith(`${each}/`)));
  const rowOf = (node: Row): TreeRow => {
    const { path, children, root } = node,
      depth = isSides ? Number(children === 0) : isFlat ? 0 : path.split('/').length - root.split('/').length,
      heard = isSides && isState(path) ? node.writes.findLast(write => write.heard.length > 0) : undefined;
    return {
      node,
      depth,
      label: depth === 0 ? path : path.slice((isSides ? root : path.slice(0, path.lastIndexOf('/'))).length + 1),
      isFolder: !isFlat && !isSides && children > 0,
      isOpen: !closed.has(path),
      hasFired: nowMs - (changed.get(path) ?? -Infinity) < FIRED_MS,
      ...(heard ? { heardMs: heard.ms - sides!.sinceMs } : {}),
    };
  };
  return { rows: shown.map(rowOf), isSides, sides };
}
