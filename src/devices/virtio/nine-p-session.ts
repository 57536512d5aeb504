/**
 * The server's side of 9P2000.L: which file each fid of the client represents, and what its messages ask of the folder. A message asks for one thing at most, and
 * is answered before the next one is read, so that a Tflush finds what it is about answered. Symbolic links are the client's to follow: what one leads to is
 * walked to by names again, from the folder down. Sources: see nine-p-message.ts; semantics as of QEMU's server (hw/9pfs) where those leave something open.
 */
import { assignState, StateError } from '../state.ts';
import type { State } from '../bus.ts';
import { ERRNO, type FileFacts, type FolderAnswer, type FolderRequest } from './folder-words.ts';
import {
  direntType,
  HEAD_BYTES,
  isFolder,
  MessageReader,
  MessageWriter,
  QID_BYTES,
  ShortMessage,
  T,
} from './nine-p-message.ts';

const VERSION = '9P2000.L';
/** Bytes of a message: as Linux's client wants (DEFAULT_MSIZE), and what the smallest answers need. */
export const MOST_BYTES = 128 * 1024;
const LEAST_BYTES = 4096;
/** Before the data of Rread and Rreaddir, and of Twrite. */
const IO_HEAD_BYTES = HEAD_BYTES + 4;
const MOST_FIDS = 16_384,
  MOST_LISTS = 64,
  MOST_NAMES = 16,
  MOST_NAME_BYTES = 255,
  MOST_DEPTH = 256;
/** Flags of Tlopen and Tlcreate, as Linux's generic ones. */
const O_ACCMODE = 3,
  O_EXCL = 0o200,
  O_TRUNC = 0o1000;
/** Of Tsetattr. */
const SET = { MODE: 1, SIZE: 8, MTIME: 0x20, MTIME_SET: 0x100 } as const;
/** What Rgetattr is right about: all but birth, generation and data version. */
const GETATTR_BASIC = 0x7ff;
const BLOCK_BYTES = 512;
const V9FS_MAGIC = 0x01021997;
const AT_REMOVEDIR = 0x200;
const UNLOCKED = 2;
const PERMISSIONS = 0o7777;

/** What a fid represents: names from the folder down. */
interface Fid {
  path: string[];
  /** It was opened, for this (O_ACCMODE). */
  open?: number;
  /** Of an opened folder: its entries, as they were when they were first read. */
  list?: { name: string; facts: FileFacts }[];
}

/** Its folder does it, at once or later. */
type Ask = (request: FolderRequest, done: (answer: FolderAnswer) => void) => void;
type Answer = (fields: MessageWriter) => void;

/** A message that is carried out. */
interface Call {
  r: MessageReader;
  /** For this many bytes of an answer. */
  room: number;
  done: Answer;
  /** Answers with no fields. */
  nothing(): void;
  /** Asks, and answers with what comes; an error of the folder is the client's. */
  through(request: FolderRequest, then: (answer: FolderAnswer, fields: MessageWriter) => void): void;
}

const qidOf = ({ facts }: FolderAnswer, fields: MessageWriter): MessageWriter => fields.qid(facts!);

/** The client gets this error. */
class Refused extends Error {
  readonly errno: number;
  constructor(errno: number) {
    super(`errno ${errno}`);
    this.errno = errno;
  }
}

/** Whether it names what is in a folder. */
const leadsDown = (name: unknown): name is string =>
  typeof name === 'string' && name !== '' && name !== '.' && name !== '..' && !/[/\0]/.test(name);

const isUnder = (path: readonly string[], above: readonly string[]): boolean =>
  path.length >= above.length && above.every((name, i) => path[i] === name);

export class NinePSession {
  private readonly ask: Ask;
  private readonly fids = new Map<number, Fid>();
  /** Those with a list, the one that was listed longest ago first: a client may open one large folder by all of its fids. */
  private readonly listed = new Set<Fid>();
  private readonly own = { mostBytes: MOST_BYTES };
  /** What is asked of the folder was asked before a state was saved. */
  private isAgain = false;

  constructor(ask: Ask) {
    this.ask = ask;
  }

  /** Answers a message of at least a head; `room` for this many bytes of an answer. `again`: it may have been carried out already. */
  handle(message: Uint8Array, room: number, reply: (answer: Uint8Array) => void, again = false): void {
    const reader = new MessageReader(message);
    const view = new DataView(message.buffer, message.byteOffset, message.length);
    const type = message[4]!,
      tag = view.getUint16(5, true);
    const refuse = (errno: number): void => reply(new MessageWriter().u32(errno).message(T.LERROR + 1, tag));
    this.isAgain = again;
    try {
      this.carryOut(
        type,
        reader,
        Math.min(room, this.own.mostBytes),
        fields => {
          const answer = fields.message(type + 1, tag);
          if (answer.length > room) refuse(ERRNO.EIO);
          else reply(answer);
        },
        refuse,
      );
    } catch (error) {
      if (error instanceof Refused) refuse(error.errno);
      else if (error instanceof ShortMessage) refuse(ERRNO.EINVAL);
      else throw error;
    }
  }

  /** @throws Refused, ShortMessage: nothing was done */
  private carryOut(type: number, r: MessageReader, room: number, done: Answer, refuse: (errno: number) => void): void {
    const call: Call = {
      r,
      room,
      done,
      nothing: () => done(new MessageWriter()),
      through: (request, then) =>
        this.ask(this.isAgain ? { ...request, again: true } : request, answer => {
          if (answer.errno) return refuse(answer.errno);
          const fields = new MessageWriter();
          then(answer, fields);
          done(fields);
        }),
    };
    switch (type) {
      case T.VERSION: {
        const most = r.u32(),
          version = r.text();
        this.fids.clear();
        if (most < LEAST_BYTES) throw new Refused(ERRNO.EINVAL);
        this.own.mostBytes = Math.min(most, MOST_BYTES);
        return done(new MessageWriter().u32(this.own.mostBytes).text(version === VERSION ? VERSION : 'unknown'));
      }
      case T.ATTACH: {
        const fid = this.newFid(r.u32());
        return call.through({ op: 'facts', path: [] }, (answer, fields) => {
          this.fids.set(fid, { path: [] });
          qidOf(answer, fields);
        });
      }
      case T.FLUSH:
        return call.nothing();
      case T.WALK:
        return this.walk(call);
      case T.CLUNK:
        this.fid(r).close();
        return call.nothing();
      case T.STATFS:
        this.fid(r);
        return done(new MessageWriter().u32(V9FS_MAGIC).u32(4096).data(new Uint8Array(48)).u32(MOST_NAME_BYTES));
      case T.LOCK:
        // One client has the folder here, and its kernel keeps its programs' locks apart.
        this.fid(r);
        return done(new MessageWriter().u8(0));
      case T.GETLOCK: {
        this.fid(r);
        r.u8();
        const [start, length, process] = [r.u64(), r.u64(), r.u32()];
        return done(new MessageWriter().u8(UNLOCKED).u64(start).u64(length).u32(process).text(r.text()));
      }
      default:
        this.onFile(type, call);
    }
  }

  /** What is inside of one file or folder. @throws as carryOut */
  private onFile(type: number, call: Call): void {
    const { r, room, through } = call;
    switch (type) {
      case T.GETATTR: {
        const { path } = this.fid(r).fid;
        return through({ op: 'facts', path }, ({ facts }, fields) => attributes(facts!, fields));
      }
      case T.SETATTR:
        return this.setAttributes(call);
      case T.LOPEN: {
        const { fid } = this.fid(r),
          flags = r.u32();
        const empties = (flags & O_TRUNC) !== 0 && (flags & O_ACCMODE) !== 0;
        return through({ op: empties ? 'empty' : 'facts', path: fid.path }, (answer, fields) => {
          fid.open = flags & O_ACCMODE;
          delete fid.list;
          qidOf(answer, fields).u32(0);
        });
      }
      case T.READ: {
        const { fid } = this.fid(r),
          at = r.u64(),
          count = Math.min(r.u32(), room - IO_HEAD_BYTES);
        if (fid.open === undefined || fid.open === 1) throw new Refused(ERRNO.EBADF);
        if (count < 0) throw new Refused(ERRNO.EINVAL);
        return through({ op: 'read', path: fid.path, at, count }, ({ bytes = new Uint8Array(0) }, fields) =>
          fields.u32(bytes.length).data(bytes),
        );
      }
      case T.WRITE: {
        const { fid } = this.fid(r),
          at = r.u64(),
          bytes = r.data(r.u32());
        if (fid.open !== 1 && fid.open !== 2) throw new Refused(ERRNO.EBADF);
        return through({ op: 'write', path: fid.path, at, bytes }, (_, fields) => fields.u32(bytes.length));
      }
      case T.READDIR:
        return this.readFolder(call);
      case T.READLINK:
        return through({ op: 'target', path: this.fid(r).fid.path }, ({ target = '' }, fields) => fields.text(target));
      case T.FSYNC:
        // What was answered was written.
        this.fid(r);
        return call.nothing();
      default:
        this.onNames(type, call);
    }
  }

  /** What comes, goes or gets another name. @throws as carryOut */
  private onNames(type: number, call: Call): void {
    const { r, through } = call;
    switch (type) {
      case T.LCREATE: {
        const { fid } = this.fid(r),
          path = this.inFolder(fid, r.text()),
          flags = r.u32(),
          mode = r.u32() & PERMISSIONS;
        return through({ op: 'create', path, mode, isNew: (flags & O_EXCL) !== 0 }, (answer, fields) => {
          fid.path = path;
          fid.open = flags & O_ACCMODE;
          qidOf(answer, fields).u32(0);
        });
      }
      case T.SYMLINK: {
        const path = this.inFolder(this.fid(r).fid, r.text());
        return through({ op: 'link', path, target: r.text() }, qidOf);
      }
      case T.MKDIR: {
        const path = this.inFolder(this.fid(r).fid, r.text());
        return through({ op: 'folder', path, mode: r.u32() & PERMISSIONS }, qidOf);
      }
      case T.RENAME: {
        const { fid } = this.fid(r);
        return this.rename(fid.path, this.inFolder(this.fid(r).fid, r.text()), call);
      }
      case T.RENAMEAT: {
        const from = this.inFolder(this.fid(r).fid, r.text());
        return this.rename(from, this.inFolder(this.fid(r).fid, r.text()), call);
      }
      case T.REMOVE: {
        const { fid, close } = this.fid(r);
        // It is clunked, whatever comes of it.
        close();
        if (fid.path.length === 0) throw new Refused(ERRNO.EPERM);
        return through({ op: 'remove', path: fid.path }, () => {});
      }
      case T.UNLINKAT: {
        const path = this.inFolder(this.fid(r).fid, r.text());
        return through({ op: 'remove', path, isFolder: (r.u32() & AT_REMOVEDIR) !== 0 }, () => {});
      }
      default:
        throw new Refused(ERRNO.EOPNOTSUPP);
    }
  }

  // ---- fids

  /** @throws Refused */
  private fid(r: MessageReader): { fid: Fid; close: () => void } {
    const number = r.u32(),
      fid = this.fids.get(number);
    if (!fid) throw new Refused(ERRNO.EBADF);
    return { fid, close: () => void this.fids.delete(number) };
  }

  /** @throws Refused */
  private newFid(number: number): number {
    if (this.fids.has(number)) throw new Refused(ERRNO.EBADF);
    if (this.fids.size >= MOST_FIDS) throw new Refused(ERRNO.ENFILE);
    return number;
  }

  /** A name that leads on from a folder. @throws Refused */
  private inFolder({ path }: Fid, name: string): string[] {
    if (!leadsDown(name)) throw new Refused(ERRNO.EINVAL);
    if (new TextEncoder().encode(name).length > MOST_NAME_BYTES || path.length >= MOST_DEPTH)
      throw new Refused(ERRNO.ENAMETOOLONG);
    return [...path, name];
  }

  private walk({ r, through, done }: Call): void {
    const number = r.u32(),
      fid = this.fids.get(number),
      to = r.u32(),
      count = r.u16();
    if (!fid) throw new Refused(ERRNO.EBADF);
    if (to !== number) this.newFid(to);
    if (count > MOST_NAMES) throw new Refused(ERRNO.EINVAL);
    const names = Array.from({ length: count }, () => r.text());
    if (count === 0) {
      this.fids.set(to, { path: fid.path });
      return done(new MessageWriter().u16(0));
    }
    // Above the folder there is nothing: it is its own parent, as a root is.
    if (names.includes('..')) {
      if (count > 1) throw new Refused(ERRNO.EINVAL);
      const path = fid.path.slice(0, -1);
      return through({ op: 'facts', path }, ({ facts }, fields) => {
        this.fids.set(to, { path });
        fields.u16(1).qid(facts!);
      });
    }
    let path = fid.path;
    for (const name of names) path = this.inFolder({ path }, name);
    return through({ op: 'walk', path: fid.path, names }, ({ all = [] }, fields) => {
      if (all.length === count) this.fids.set(to, { path });
      fields.u16(all.length);
      for (const facts of all) fields.qid(facts);
    });
  }

  private rename(from: string[], to: string[], { through }: Call): void {
    if (from.length === 0 || (isUnder(to, from) && to.length > from.length)) throw new Refused(ERRNO.EINVAL);
    through({ op: 'rename', path: from, to }, () => {
      for (const fid of this.fids.values())
        if (isUnder(fid.path, from)) fid.path = [...to, ...fid.path.slice(from.length)];
    });
  }

  // ---- more than a line

  private setAttributes({ r, through, nothing }: Call): void {
    const { path } = this.fid(r).fid,
      valid = r.u32(),
      mode = r.u32();
    r.u32();
    r.u32();
    const bytes = r.u64();
    r.u64();
    r.u64();
    const mtimeMs = r.u64() * 1000 + Math.floor(r.u64() / 1e6);
    // Owners are the guest's: to the host, all of the folder is the server's.
    const change = {
      ...(valid & SET.MODE ? { mode: mode & PERMISSIONS } : {}),
      ...(valid & SET.SIZE ? { bytes } : {}),
      ...(valid & SET.MTIME ? { mtimeMs: valid & SET.MTIME_SET ? mtimeMs : ('now' as const) } : {}),
    };
    if (Object.keys(change).length === 0) return nothing();
    through({ op: 'change', path, ...change }, () => {});
  }

  private readFolder({ r, room, through, done }: Call): void {
    const { fid } = this.fid(r),
      from = r.u64(),
      count = Math.min(r.u32(), room - IO_HEAD_BYTES);
    if (fid.open === undefined) throw new Refused(ERRNO.EBADF);
    const give = (fields: MessageWriter): void => {
      const entries = new MessageWriter(),
        bytes = (): number => entries.length - HEAD_BYTES;
      for (let i = from; i < fid.list!.length; i++) {
        const { name, facts } = fid.list![i]!;
        const length = QID_BYTES + 8 + 1 + 2 + new TextEncoder().encode(name).length;
        if (bytes() + length > count) break;
        entries
          .qid(facts)
          .u64(i + 1)
          .u8(direntType(facts))
          .text(name);
      }
      fields.u32(bytes()).data(entries.message(0, 0).subarray(HEAD_BYTES));
    };
    if (fid.list && from > 0) {
      const fields = new MessageWriter();
      give(fields);
      return done(fields);
    }
    through({ op: 'list', path: fid.path }, ({ list = [], facts }, fields) => {
      const here = { name: '.', facts: facts! };
      fid.list = [here, { name: '..', facts: facts! }, ...list];
      this.keep(fid);
      give(fields);
    });
  }

  /** A list that goes is asked for again. */
  private keep(fid: Fid): void {
    const { listed } = this;
    listed.delete(fid);
    listed.add(fid);
    if (listed.size <= MOST_LISTS) return;
    const [oldest] = listed;
    delete oldest!.list;
    listed.delete(oldest!);
  }

  // ---- state

  forget(): void {
    this.fids.clear();
    this.listed.clear();
    this.own.mostBytes = MOST_BYTES;
  }

  save(): State {
    return {
      ...this.own,
      fids: [...this.fids].map(([number, { path, open = -1 }]) => ({ number, path: [...path], open })),
    };
  }

  /** @throws StateError */
  restore(name: string, state: State): void {
    this.forget();
    const { fids } = state;
    if (!Array.isArray(fids)) throw new StateError(name, 'fids', 'are no list');
    assignState(name, this.own, state);
    for (const { number, path, open } of fids as { number: number; path: unknown; open: number }[]) {
      if (!Number.isInteger(number) || !Array.isArray(path) || !path.every(leadsDown) || this.fids.size >= MOST_FIDS)
        throw new StateError(name, 'fids', 'have one that no client could have');
      this.fids.set(number, { path: [...path], ...(open >= 0 ? { open } : {}) });
    }
  }
}

/** Rgetattr: valid[8] qid mode uid gid nlink rdev size blksize blocks, times of access, modification and change, of birth, generation, data version. */
function attributes(facts: FileFacts, fields: MessageWriter): void {
  const { mode, bytes, mtimeMs } = facts;
  fields.u64(GETATTR_BASIC).qid(facts).u32(mode).u32(0).u32(0);
  fields
    .u64(isFolder(facts) ? 2 : 1)
    .u64(0)
    .u64(bytes)
    .u64(4096)
    .u64(Math.ceil(bytes / BLOCK_BYTES));
  for (let i = 0; i < 3; i++) fields.u64(Math.floor(mtimeMs / 1000)).u64(Math.floor((mtimeMs % 1000) * 1e6));
  fields.data(new Uint8Array(32));
}
