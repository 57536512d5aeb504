/**
 * *Idea.* XenStore is a tree of small values that all domains share: each node has an owner and permissions, a domain may watch a subtree, and
 * several changes may be one transaction. Nodes are immutable: a change replaces the node and its ancestors. That makes transactions simple. A
 * transaction remembers the object that it saw at each path; at its end, if another object is at one of these paths, it conflicts (EAGAIN) and the
 * client tries again. This file is only the tree; rings and messages are elsewhere. Source: xen/docs/misc/xenstore.txt; order of checks and quotas as
 * in xen/tools/xenstored (4.17).
 */

/** Names of errors as they are in a reply (xen/include/public/io/xs_wire.h). */
export type ErrorName =
  | 'EINVAL'
  | 'EACCES'
  | 'EEXIST'
  | 'ENOENT'
  | 'ENOSPC'
  | 'ENOSYS'
  | 'EBUSY'
  | 'EAGAIN'
  | 'EISCONN'
  | 'E2BIG'
  | 'ENOMEM'
  | 'EPERM';

/** What a request was answered with; the message is the name that goes over the wire. */
export class StoreError extends Error {
  override name = 'StoreError';
  readonly errno: ErrorName;
  constructor(errno: ErrorName) {
    super(errno);
    this.errno = errno;
  }
}

/** What others than the owner may do: n none, r read, w write, b both. The first of a list names the owner. */
export interface Permission {
  letter: 'n' | 'r' | 'w' | 'b';
  domid: number;
}

/** A node is never changed, only replaced: two looks at a path agree when they found the same object. */
interface Node {
  value: Uint8Array;
  permissions: readonly Permission[];
  /** Names, in order of creation. */
  children: readonly string[];
  generation: number;
  /** Who wrote the value. */
  by: number;
}

/** A write as it took effect, for people. */
export interface StoreWrite {
  ns: number;
  by: number;
  value: Uint8Array;
  /** Domains whose watches fired, with how many of them each. */
  heard: { domid: number; watches: number }[];
}

/** Writes of a node that are kept, newest last. */
const MOST_WRITES = 8;
/** What a guest may have; Domain 0 is not held to it. */
export const QUOTA = {
  nodes: 1000,
  watches: 128,
  transactions: 10,
  nodeBytes: 2048,
  permissions: 5,
  transactionNodes: 1024,
} as const;
/** Nodes that may change next to an open transaction; past them it does not know any more what it began with. */
const MOST_BEFORE = 4096;
const MAX_PATH = 3072,
  MAX_RELATIVE_PATH = 2048;

const READ = 1,
  WRITE = 2,
  OWNER = 4;
const RIGHTS = { n: 0, r: READ, w: WRITE, b: READ | WRITE } as const;

interface Change {
  path: string;
  /** The node as it was or became: its permissions say who hears of it. */
  node: Node;
  /** Only who watches this very path: a node below one that was removed. */
  exact: boolean;
}

/** What the whole store holds. */
export interface StoreLook {
  nodes: {
    path: string;
    value: Uint8Array;
    permissions: readonly Permission[];
    generation: number;
    children: number;
    writes: readonly StoreWrite[];
  }[];
  /** Domain 0's programs have a connection each. */
  watches: { domid: number; path: string }[];
}

class Transaction {
  /** What the store held at the start, where it has changed since. */
  readonly before = new Map<string, Node | undefined>();
  readonly own = new Map<string, Node | undefined>();
  readonly touched = new Set<string>();
  readonly owned = new Map<number, number>();
  /** By path: of one that changes again one event tells. */
  readonly changes = new Map<string, Change>();
  /** Too much has changed next to it: it cannot be finished. */
  outrun = false;
  /** It wanted to look at more nodes than it may. */
  failed = false;
  private readonly limited: boolean;

  constructor(limited: boolean) {
    this.limited = limited;
  }

  /** A node is about to change next to this transaction. */
  note(path: string, old: Node | undefined): void {
    if (this.outrun || this.before.has(path)) return;
    if (this.before.size < MOST_BEFORE) this.before.set(path, old);
    else {
      this.outrun = true;
      this.before.clear();
    }
  }

  touch(path: string): void {
    if (this.limited && this.touched.size >= QUOTA.transactionNodes && !this.touched.has(path)) {
      this.failed = true;
      throw new StoreError('ENOSPC');
    }
    this.touched.add(path);
  }

  add(change: Change): void {
    const { path } = change;
    this.changes.set(path, { ...change, exact: change.exact && this.changes.get(path)?.exact !== false });
  }
}

interface Watch {
  path: string;
  token: string;
  /** The path was given relative to the domain's own: events are too. */
  relative: boolean;
}

/** A client of the store: a guest behind its ring, or a part of Domain 0. */
export class Connection {
  readonly domid: number;
  /** Called for each event of a watch, in the course of whatever request changed the store. */
  readonly onEvent: (path: string, token: string) => void;
  readonly watches: Watch[] = [];
  readonly transactions = new Map<number, Transaction>();
  lastTransaction = 0;
  /** The id that a guest still knows itself by while it runs under another one: paths that it names with this id are its own. */
  formerId: number | undefined;

  constructor(domid: number, onEvent: (path: string, token: string) => void) {
    this.domid = domid;
    this.onEvent = onEvent;
  }

  /** Where relative paths start. */
  get home(): string {
    return `/local/domain/${this.domid}`;
  }

  get privileged(): boolean {
    return this.domid === 0;
  }
}

const EMPTY = new Uint8Array(0);

/** All methods throw StoreError. `tx` 0: no transaction. */
export class Store {
  private readonly nodes = new Map<string, Node>();
  private readonly connections = new Set<Connection>();
  /** Nodes by owner, for the quota. */
  private readonly owned = new Map<number, number>();
  private readonly open = new Set<Transaction>();
  private generation = 0;
  /** By path, as long as there is a node. */
  private readonly writes = new Map<string, StoreWrite[]>();
  private readonly nowNs: () => number;
  /** Hears of each node that has another value, and of each that was removed with all below it. */
  onChange: ((path: string, value: Uint8Array | undefined, by: number) => void) | undefined;

  constructor(nowNs: () => number = () => 0) {
    this.nowNs = nowNs;
    this.replace('/', { value: EMPTY, permissions: [{ letter: 'n', domid: 0 }], children: [], generation: 0, by: 0 });
  }

  connect(domid: number, onEvent: (path: string, token: string) => void): Connection {
    const connection = new Connection(domid, onEvent);
    this.connections.add(connection);
    return connection;
  }

  disconnect(connection: Connection): void {
    this.forget(connection);
    this.connections.delete(connection);
  }

  /** Drops the watches and transactions of a connection. */
  forget(connection: Connection): void {
    connection.watches.length = 0;
    for (const transaction of connection.transactions.values()) this.open.delete(transaction);
    connection.transactions.clear();
  }

  // Nodes.

  read(who: Connection, path: string, tx = 0): Uint8Array {
    return this.allowed(who, this.absolute(who, path), READ, this.transaction(who, tx)).value;
  }

  /** Names of the children and the node's generation, which changes with them. */
  directory(who: Connection, path: string, tx = 0): { children: readonly string[]; generation: number } {
    return this.allowed(who, this.absolute(who, path), READ, this.transaction(who, tx));
  }

  permissions(who: Connection, path: string, tx = 0): readonly Permission[] {
    return this.allowed(who, this.absolute(who, path), READ, this.transaction(who, tx)).permissions;
  }

  /** Creates the node and those above it where they are missing. */
  write(who: Connection, path: string, value: Uint8Array, tx = 0): void {
    const name = this.absolute(who, path),
      transaction = this.transaction(who, tx);
    const node = this.find(who, name, WRITE, transaction);
    if (node)
      this.changed(
        name,
        this.update(name, { ...node, value: value.slice(), by: who.domid }, who, transaction),
        transaction,
      );
    else this.create(who, name, value.slice(), transaction);
  }

  /** Leaves a node that is there as it is. */
  mkdir(who: Connection, path: string, tx = 0): void {
    const name = this.absolute(who, path),
      transaction = this.transaction(who, tx);
    if (!this.find(who, name, WRITE, transaction)) this.create(who, name, EMPTY, transaction);
  }

  /** Removes a node with all below it. A missing one is no error where its parent is there. */
  rm(who: Connection, path: string, tx = 0): void {
    const name = this.absolute(who, path),
      transaction = this.transaction(who, tx);
    if (!this.find(who, name, WRITE, transaction)) {
      if (this.get(parentOf(name), transaction)) return;
      throw new StoreError('ENOENT');
    }
    if (name === '/') throw new StoreError('EINVAL');
    const parent = parentOf(name),
      above = this.get(parent, transaction)!;
    const leaf = name.slice(name.lastIndexOf('/') + 1);
    this.put(
      parent,
      { ...above, children: above.children.filter(child => child !== leaf), generation: ++this.generation },
      transaction,
    );
    this.removeTree(name, transaction, false);
  }

  private removeTree(name: string, transaction: Transaction | undefined, exact: boolean): void {
    const node = this.get(name, transaction)!;
    this.put(name, undefined, transaction);
    this.changed(name, node, transaction, exact);
    for (const child of node.children) this.removeTree(`${name}/${child}`, transaction, true);
  }

  setPermissions(who: Connection, path: string, permissions: readonly Permission[], tx = 0): void {
    const name = this.absolute(who, path),
      transaction = this.transaction(who, tx);
    if (!who.privileged && permissions.length > QUOTA.permissions) throw new StoreError('ENOSPC');
    const node = this.allowed(who, name, WRITE | OWNER, transaction);
    if (!who.privileged && permissions[0].domid !== node.permissions[0].domid) throw new StoreError('EPERM');
    this.update(name, { ...node, permissions: permissions.map(permission => ({ ...permission })) }, who, transaction);
    // Who could see it before hears of it too.
    this.changed(name, node, transaction);
  }

  private create(who: Connection, name: string, value: Uint8Array, transaction: Transaction | undefined): void {
    const missing = [name];
    let parent = parentOf(name),
      above: Node | undefined;
    for (; !(above = this.find(who, parent, WRITE, transaction)); parent = parentOf(parent)) missing.unshift(parent);
    const permissions = above.permissions.map(permission => ({ ...permission }));
    if (!who.privileged) {
      permissions[0].domid = who.domid;
      const have = (this.owned.get(who.domid) ?? 0) + (transaction?.owned.get(who.domid) ?? 0);
      if (have + missing.length > QUOTA.nodes) throw new StoreError('ENOSPC');
    }
    // All checks first: nothing is half-made.
    const leaf = missing[0].slice(missing[0].lastIndexOf('/') + 1);
    this.checkSize(who, { ...above, children: [...above.children, leaf] });
    this.checkSize(who, { value, permissions, children: [], generation: 0, by: who.domid });
    for (const path of missing) {
      const up = parentOf(path),
        holder = this.get(up, transaction)!;
      this.update(
        up,
        { ...holder, children: [...holder.children, path.slice(path.lastIndexOf('/') + 1)] },
        who,
        transaction,
      );
      this.update(
        path,
        { value: path === name ? value : EMPTY, permissions, children: [], generation: 0, by: who.domid },
        who,
        transaction,
      );
    }
    this.changed(name, this.get(name, transaction)!, transaction);
  }

  private update(path: string, node: Node, who: Connection, transaction: Transaction | undefined): Node {
    this.checkSize(who, node);
    const next = { ...node, generation: ++this.generation };
    this.put(path, next, transaction);
    return next;
  }

  /** As xenstored counts it: a header of 24 bytes, 8 a permission, the value, and the children's names with their ends. */
  private checkSize(who: Connection, node: Node): void {
    if (who.privileged) return;
    const names = node.children.reduce((sum, child) => sum + child.length + 1, 0);
    if (24 + node.permissions.length * 8 + node.value.length + names >= QUOTA.nodeBytes) throw new StoreError('ENOSPC');
  }

  /** Whether a domain has a watch that a change of this node would fire. */
  hears(domid: number, path: string): boolean {
    return [...this.connections].some(
      connection =>
        connection.domid === domid &&
        connection.watches.some(
          watch => watch.path === path || watch.path === '/' || path.startsWith(`${watch.path}/`),
        ),
    );
  }

  /** Everything, for Domain 0's people: nodes by path, and who watches what. */
  look(): StoreLook {
    const nodes = [...this.nodes].map(([path, { value, permissions, generation, children }]) => ({
      path,
      value,
      permissions,
      generation,
      children: children.length,
      writes: this.writes.get(path) ?? [],
    }));
    const watches = [...this.connections].flatMap(({ domid, watches: own }) =>
      own.map(({ path }) => ({ domid, path })),
    );
    return { nodes, watches };
  }

  // Looking and keeping.

  private absolute(who: Connection, path: string): string {
    const name = path.startsWith('/') ? path : `${who.home}/${path}`;
    if (!isValidPath(name)) throw new StoreError('EINVAL');
    return who.formerId === undefined ? name : ofDomain(name, who.formerId, who.domid);
  }

  private get(path: string, transaction: Transaction | undefined): Node | undefined {
    if (!transaction) return this.nodes.get(path);
    transaction.touch(path);
    if (transaction.own.has(path)) return transaction.own.get(path);
    return transaction.before.has(path) ? transaction.before.get(path) : this.nodes.get(path);
  }

  private put(path: string, node: Node | undefined, transaction: Transaction | undefined): void {
    if (!transaction) return this.replace(path, node);
    count(transaction.owned, this.get(path, transaction), node);
    transaction.own.set(path, node);
  }

  private replace(path: string, node: Node | undefined): void {
    const old = this.nodes.get(path);
    for (const transaction of this.open) transaction.note(path, old);
    count(this.owned, old, node);
    if (node) this.nodes.set(path, node);
    else {
      this.nodes.delete(path);
      this.writes.delete(path);
    }
  }

  private rights(who: Connection, node: Node): number {
    const [owner, ...others] = node.permissions;
    if (who.privileged || owner.domid === who.domid) return READ | WRITE | OWNER;
    return RIGHTS[(others.find(permission => permission.domid === who.domid) ?? owner).letter];
  }

  /** The node, where `who` may do this to it; undefined: there is none, and he may know that. */
  private find(who: Connection, path: string, needed: number, transaction: Transaction | undefined): Node | undefined {
    const node = this.get(path, transaction);
    if (node && (this.rights(who, node) & needed) === needed) return node;
    // A caller that may not see the nearest node above does not learn what is missing.
    let parent = parentOf(path);
    while (!this.get(parent, transaction)) parent = parentOf(parent);
    if (node || !(this.rights(who, this.get(parent, transaction)!) & needed)) throw new StoreError('EACCES');
    return undefined;
  }

  private allowed(who: Connection, path: string, needed: number, transaction: Transaction | undefined): Node {
    const node = this.find(who, path, needed, transaction);
    if (!node) throw new StoreError('ENOENT');
    return node;
  }

  // Transactions.

  private transaction(who: Connection, tx: number): Transaction | undefined {
    this.checkTransaction(who, tx);
    const transaction = who.transactions.get(tx);
    if (transaction?.outrun) throw new StoreError('EAGAIN');
    return transaction;
  }

  /** ENOENT where `tx` names no transaction of this connection. */
  checkTransaction(who: Connection, tx: number): void {
    if (tx !== 0 && !who.transactions.has(tx)) throw new StoreError('ENOENT');
  }

  /** Starts a transaction: it sees the store as it is now. */
  begin(who: Connection): number {
    if (!who.privileged && who.transactions.size >= QUOTA.transactions) throw new StoreError('ENOSPC');
    do who.lastTransaction = (who.lastTransaction + 1) >>> 0;
    while (who.lastTransaction === 0 || who.transactions.has(who.lastTransaction));
    const transaction = new Transaction(!who.privileged);
    who.transactions.set(who.lastTransaction, transaction);
    this.open.add(transaction);
    return who.lastTransaction;
  }

  /** Ends a transaction. EAGAIN: something that it looked at has changed since; nothing of it was kept, start again. */
  end(who: Connection, tx: number, commit: boolean): void {
    const transaction = who.transactions.get(tx);
    if (!transaction) throw new StoreError('ENOENT');
    who.transactions.delete(tx);
    this.open.delete(transaction);
    if (!commit) return;
    if (transaction.failed) throw new StoreError('ENOMEM');
    if (transaction.outrun) throw new StoreError('EAGAIN');
    for (const path of transaction.touched) {
      if (transaction.before.has(path) && transaction.before.get(path) !== this.nodes.get(path))
        throw new StoreError('EAGAIN');
    }
    if (!who.privileged && (this.owned.get(who.domid) ?? 0) + (transaction.owned.get(who.domid) ?? 0) > QUOTA.nodes)
      throw new StoreError('ENOSPC');
    for (const [path, node] of transaction.own) this.replace(path, node);
    for (const change of transaction.changes.values()) this.fire(change);
  }

  // Watches.

  /** The caller sees to it that one event for the watched path follows at once: `path` as it is returned. */
  watch(who: Connection, path: string, token: string): string {
    const special = path.startsWith('@');
    if (special && path.length > MAX_RELATIVE_PATH) throw new StoreError('EINVAL');
    const name = special ? path : this.absolute(who, path);
    if (who.watches.some(watch => watch.path === name && watch.token === token)) throw new StoreError('EEXIST');
    if (!who.privileged && who.watches.length >= QUOTA.watches) throw new StoreError('E2BIG');
    const watch = { path: name, token, relative: !special && !path.startsWith('/') };
    who.watches.push(watch);
    return eventPath(who, watch, name);
  }

  unwatch(who: Connection, path: string, token: string): void {
    const name = path.startsWith('@') ? path : this.absolute(who, path);
    const index = who.watches.findIndex(watch => watch.path === name && watch.token === token);
    if (index < 0) throw new StoreError('ENOENT');
    who.watches.splice(index, 1);
  }

  /** @introduceDomain, @releaseDomain: for Domain 0's eyes only. */
  fireSpecial(name: '@introduceDomain' | '@releaseDomain'): void {
    for (const connection of this.connections) {
      if (!connection.privileged) continue;
      for (const watch of [...connection.watches]) if (watch.path === name) connection.onEvent(name, watch.token);
    }
  }

  private changed(path: string, node: Node, transaction: Transaction | undefined, exact = false): void {
    const change = { path, node, exact };
    if (transaction) transaction.add(change);
    else this.fire(change);
  }

  /** A watcher may write again: so the change is noted before, and `heard` filled later. A value is another one when it was written; permissions leave it. */
  private noteWrite(path: string, heard: StoreWrite['heard']): void {
    const node = this.nodes.get(path),
      kept = this.writes.get(path) ?? [];
    if (!node || node.value === kept.at(-1)?.value) return;
    this.onChange?.(path, node.value, node.by);
    this.writes.set(path, [...kept, { ns: this.nowNs(), by: node.by, value: node.value, heard }].slice(-MOST_WRITES));
  }

  private fire({ path, node, exact }: Change): void {
    const heard: StoreWrite['heard'] = [];
    this.noteWrite(path, heard);
    if (!exact && !this.nodes.has(path)) this.onChange?.(path, undefined, node.by);
    for (const connection of this.connections) {
      if (connection.watches.length === 0 || !this.mayHear(connection, path, node)) continue;
      for (const watch of [...connection.watches]) {
        const match = watch.path === path || (!exact && (watch.path === '/' || path.startsWith(`${watch.path}/`)));
        if (!match) continue;
        const listener = heard.find(({ domid }) => domid === connection.domid);
        if (listener) listener.watches++;
        else heard.push({ domid: connection.domid, watches: 1 });
        connection.onEvent(eventPath(connection, watch, path), watch.token);
      }
    }
  }

  /** An event tells of a node, so one must be allowed to read it, before or after the change, or the node above. */
  private mayHear(who: Connection, path: string, node: Node): boolean {
    const now = this.nodes.get(path),
      above = this.nodes.get(parentOf(path));
    return [node, now, above].some(seen => seen !== undefined && (this.rights(who, seen) & READ) !== 0);
  }
}

function eventPath(who: Connection, watch: Watch, path: string): string {
  if (watch.relative) return path.slice(who.home.length + 1);
  return who.formerId === undefined ? path : ofDomain(path, who.domid, who.formerId);
}

/** What is at a path of one domain, and of the back ends of its devices, at that of another. */
export function ofDomain(path: string, from: number, to: number): string {
  const match = /^(\/local\/domain(?:\/0\/backend\/[^/]+)?\/)(\d+)(\/.*)?$/.exec(path);
  return match && Number(match[2]) === from ? `${match[1]}${to}${match[3] ?? ''}` : path;
}

function count(owned: Map<number, number>, old: Node | undefined, next: Node | undefined): void {
  if (old) owned.set(old.permissions[0].domid, (owned.get(old.permissions[0].domid) ?? 0) - 1);
  if (next) owned.set(next.permissions[0].domid, (owned.get(next.permissions[0].domid) ?? 0) + 1);
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf('/')));
}

/** xenstore.txt: letters, digits and -/_@; no empty names, no slash at the end; 3072 bytes, 2048 below a domain's own path. */
export function isValidPath(path: string): boolean {
  if (path === '/') return true;
  if (path.length > MAX_PATH || !/^(\/[-A-Za-z0-9_@]+)+$/.test(path)) return false;
  const home = /^\/local\/domain\/[0-9]+\//.exec(path);
  return !home || path.length - home[0].length <= MAX_RELATIVE_PATH;
}
