/** xenstored as Domain 0's own programs use it: no ring, strings for values, and watches that call back. */
import { decode, encode } from './protocol.ts';
import { type Connection, type Permission, type Store, StoreError } from './store.ts';

/** Reads and writes, at once or inside a transaction. */
export class StoreView {
  protected readonly store: Store;
  protected readonly connection: Connection;
  protected readonly settle: () => void;
  private readonly tx: number;

  constructor(store: Store, connection: Connection, settle: () => void, tx: number) {
    this.store = store;
    this.connection = connection;
    this.settle = settle;
    this.tx = tx;
  }

  /** undefined: there is no such node. */
  read(path: string): string | undefined {
    try {
      return decode(this.store.read(this.connection, path, this.tx));
    } catch (error) {
      if (error instanceof StoreError && error.errno === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** Names below a node; empty where there is none. */
  directory(path: string): readonly string[] {
    try {
      return this.store.directory(this.connection, path, this.tx).children;
    } catch (error) {
      if (error instanceof StoreError && error.errno === 'ENOENT') return [];
      throw error;
    }
  }

  write(path: string, value: string, permissions?: readonly Permission[]): void {
    this.store.write(this.connection, path, encode(value), this.tx);
    if (permissions) this.store.setPermissions(this.connection, path, permissions, this.tx);
    this.settle();
  }

  /** Of a node that is there. */
  permissions(path: string): readonly Permission[] {
    return this.store.permissions(this.connection, path, this.tx);
  }

  /** Of a node that is there. @throws StoreError */
  setPermissions(path: string, permissions: readonly Permission[]): void {
    this.store.setPermissions(this.connection, path, permissions, this.tx);
    this.settle();
  }

  rm(path: string): void {
    try {
      this.store.rm(this.connection, path, this.tx);
    } catch (error) {
      if (!(error instanceof StoreError && error.errno === 'ENOENT')) throw error;
    }
    this.settle();
  }
}

export class StoreClient extends StoreView {
  private readonly callbacks = new Map<string, (path: string) => void>();
  private readonly tell: (event: () => void) => void;
  private lastToken = 0;

  /** `tell` queues a call of a watcher, `settle` makes the queued calls unless that is going on already. */
  constructor(store: Store, tell: (event: () => void) => void, settle: () => void) {
    const connection = store.connect(0, (path, token) => tell(() => this.callbacks.get(token)?.(path)));
    super(store, connection, settle, 0);
    this.tell = tell;
  }

  /** Calls back now and whenever the node or something below it changes; `path` may be @introduceDomain or @releaseDomain. The result ends it. */
  watch(path: string, onChange: (path: string) => void): () => void {
    const token = String(++this.lastToken);
    this.callbacks.set(token, onChange);
    const first = this.store.watch(this.connection, path, token);
    this.tell(() => this.callbacks.get(token)?.(first));
    this.settle();
    return () => {
      if (this.callbacks.delete(token)) this.store.unwatch(this.connection, path, token);
    };
  }

  /** All or nothing; begins again where someone came between, so `work` may run several times. */
  transaction<T>(work: (view: StoreView) => T): T {
    for (;;) {
      const tx = this.store.begin(this.connection);
      let done = false;
      try {
        const result = work(new StoreView(this.store, this.connection, () => {}, tx));
        done = true;
        this.store.end(this.connection, tx, true);
        this.settle();
        return result;
      } catch (error) {
        if (!done) this.store.end(this.connection, tx, false);
        if (!done || !(error instanceof StoreError && error.errno === 'EAGAIN')) throw error;
      }
    }
  }
}
