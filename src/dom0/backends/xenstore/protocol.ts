/**
 * The messages of xenstored: what a request's bytes ask of the store, and the bytes of the answer.
 * Source: xen/include/public/io/xs_wire.h, xen/docs/misc/xenstore.txt.
 */
import { type Connection, type Permission, type Store, StoreError } from './store.ts';

/** Message types (xs_wire.h, enum xsd_sockmsg_type). */
export const XS = {
  CONTROL: 0,
  DIRECTORY: 1,
  READ: 2,
  GET_PERMS: 3,
  WATCH: 4,
  UNWATCH: 5,
  TRANSACTION_START: 6,
  TRANSACTION_END: 7,
  INTRODUCE: 8,
  RELEASE: 9,
  GET_DOMAIN_PATH: 10,
  WRITE: 11,
  MKDIR: 12,
  RM: 13,
  SET_PERMS: 14,
  WATCH_EVENT: 15,
  ERROR: 16,
  IS_DOMAIN_INTRODUCED: 17,
  RESUME: 18,
  SET_TARGET: 19,
  RESET_WATCHES: 21,
  DIRECTORY_PART: 22,
} as const;
export const HEADER_BYTES = 16,
  MAX_PAYLOAD_BYTES = 4096;

export interface Message {
  type: number;
  requestId: number;
  transaction: number;
  payload: Uint8Array;
}

/** What only the daemon around the store can do. */
export interface Daemon {
  introduce(domid: number, gfn: number, port: number): void;
  release(domid: number): void;
  isIntroduced(domid: number): boolean;
  /** xenstore-control's commands; undefined: unknown. */
  control(command: string, args: string[]): string | undefined;
}

// Paths and names are bytes to the protocol: one character each.
export const decode = (bytes: Uint8Array): string => {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
};
export const encode = (text: string): Uint8Array => Uint8Array.from(text, character => character.charCodeAt(0) & 0xff);

export function encodeMessage({ type, requestId, transaction, payload }: Message): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + payload.length);
  new Uint32Array(bytes.buffer, 0, 4).set([type, requestId, transaction, payload.length]);
  bytes.set(payload, HEADER_BYTES);
  return bytes;
}

export function watchEvent(path: string, token: string): Message {
  return { type: XS.WATCH_EVENT, requestId: 0, transaction: 0, payload: encode(`${path}\0${token}\0`) };
}

/** Carries a request out. `send` gets the answer, and for WATCH the event that follows it at once. */
export function handle(
  store: Store,
  daemon: Daemon,
  who: Connection,
  request: Message,
  send: (message: Message) => void,
): void {
  const reply = (payload: Uint8Array): void => {
    if (payload.length > MAX_PAYLOAD_BYTES) throw new StoreError('E2BIG');
    send({ ...request, payload });
  };
  try {
    const { type, transaction: tx } = request;
    if (!REQUESTS.has(type)) throw new StoreError('ENOSYS');
    if (PRIVILEGED.has(type) && !who.privileged) throw new StoreError('EACCES');
    if (type !== XS.WATCH && type !== XS.UNWATCH) store.checkTransaction(who, tx);
    const after = type === XS.WATCH ? watch(store, who, request.payload) : undefined;
    reply(after ? OK : answer(store, daemon, who, request, tx));
    if (after) send(after);
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    send({ ...request, type: XS.ERROR, payload: encode(`${error.errno}\0`) });
  }
}

const OK = encode('OK\0');
/** What a client may send at all, and what only Domain 0 may (xenstored's table of functions). */
const REQUESTS: ReadonlySet<number> = new Set(
  Object.values(XS).filter(type => type !== XS.WATCH_EVENT && type !== XS.ERROR),
);
const PRIVILEGED: ReadonlySet<number> = new Set([
  XS.CONTROL,
  XS.INTRODUCE,
  XS.RELEASE,
  XS.IS_DOMAIN_INTRODUCED,
  XS.RESUME,
  XS.SET_TARGET,
]);

function watch(store: Store, who: Connection, payload: Uint8Array): Message {
  const [path, token] = strings(payload, 2);
  return watchEvent(store.watch(who, path, token), token);
}

function answer(store: Store, daemon: Daemon, who: Connection, { type, payload }: Message, tx: number): Uint8Array {
  switch (type) {
    case XS.DIRECTORY:
      return encode(list(store.directory(who, only(payload), tx).children));
    case XS.DIRECTORY_PART:
      return directoryPart(store, who, payload, tx);
    case XS.READ:
      return store.read(who, only(payload), tx);
    case XS.GET_PERMS:
      return encode(list(store.permissions(who, only(payload), tx).map(({ letter, domid }) => `${letter}${domid}`)));
    case XS.WRITE: {
      const end = payload.indexOf(0);
      if (end < 0) throw new StoreError('EINVAL');
      store.write(who, decode(payload.subarray(0, end)), payload.subarray(end + 1), tx);
      return OK;
    }
    case XS.MKDIR:
      store.mkdir(who, only(payload), tx);
      return OK;
    case XS.RM:
      store.rm(who, only(payload), tx);
      return OK;
    case XS.SET_PERMS: {
      const [path, ...letters] = strings(payload);
      if (path === undefined || letters.length === 0) throw new StoreError('EINVAL');
      store.setPermissions(who, path, letters.map(permission), tx);
      return OK;
    }
    case XS.UNWATCH: {
      const [path, token] = strings(payload, 2);
      store.unwatch(who, path, token);
      return OK;
    }
    case XS.TRANSACTION_START:
      if (tx !== 0) throw new StoreError('EBUSY');
      return encode(`${store.begin(who)}\0`);
    case XS.TRANSACTION_END: {
      const how = only(payload);
      if (how !== 'T' && how !== 'F') throw new StoreError('EINVAL');
      store.end(who, tx, how === 'T');
      return OK;
    }
    case XS.GET_DOMAIN_PATH:
      return encode(`/local/domain/${domainId(only(payload))}\0`);
    case XS.IS_DOMAIN_INTRODUCED:
      return encode(daemon.isIntroduced(domainId(only(payload))) ? 'T\0' : 'F\0');
    case XS.RESET_WATCHES:
      store.forget(who);
      return OK;
    case XS.INTRODUCE: {
      const [domid, gfn, port] = strings(payload, 3);
      daemon.introduce(domainId(domid), Number(gfn), Number(port));
      return OK;
    }
    case XS.RELEASE:
      daemon.release(domainId(only(payload)));
      return OK;
    case XS.CONTROL: {
      const [command, ...args] = strings(payload);
      const text = daemon.control(command ?? '', args);
      if (text === undefined) throw new StoreError('EINVAL');
      return encode(`${text}\0`);
    }
    default:
      throw new StoreError('ENOSYS');
  }
}

/** A slice of a list that may be longer than one message, behind the node's generation: who sees it change begins again. */
function directoryPart(store: Store, who: Connection, payload: Uint8Array, tx: number): Uint8Array {
  const [path, from] = strings(payload, 2);
  const { children, generation } = store.directory(who, path, tx);
  const whole = list(children),
    head = `${generation}\0`;
  const offset = number(from);
  let end = offset;
  while (end < whole.length) {
    const next = whole.indexOf('\0', end) + 1;
    if (head.length + next - offset + 1 > MAX_PAYLOAD_BYTES) break;
    end = next;
  }
  return encode(head + whole.slice(offset, end) + (end >= whole.length ? '\0' : ''));
}

const list = (names: readonly string[]): string => names.map(name => `${name}\0`).join('');

/** Strings that each end with a NUL; `count` of them where that is fixed. */
function strings(payload: Uint8Array, count?: number): string[] {
  const parts = decode(payload).split('\0');
  if (parts.pop() !== '' || (count !== undefined && parts.length !== count)) throw new StoreError('EINVAL');
  return parts;
}

const only = (payload: Uint8Array): string => strings(payload, 1)[0];

function number(text: string): number {
  if (!/^[0-9]{1,9}$/.test(text)) throw new StoreError('EINVAL');
  return Number(text);
}

/** Domain ids are 15 bits. */
function domainId(text: string): number {
  const domid = number(text);
  if (domid > 0x7fff) throw new StoreError('EINVAL');
  return domid;
}

function permission(text: string): Permission {
  const match = /^([nrwb])([0-9]{1,5})$/.exec(text);
  if (!match) throw new StoreError('EINVAL');
  return { letter: match[1] as Permission['letter'], domid: domainId(match[2]) };
}
