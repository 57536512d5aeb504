/**
 * Messages of 9P2000.L: size[4] type[1] tag[2], then fields, all little-endian; s: length[2] and UTF-8.
 * Sources: Plan 9's manual, section 5; the protocol's description in diod (protocol.md); Linux, include/net/9p/9p.h.
 */
import type { FileFacts } from './folder-words.ts';

/** Requests; an answer's type is one more. */
export const T = {
  LERROR: 6,
  STATFS: 8,
  LOPEN: 12,
  LCREATE: 14,
  SYMLINK: 16,
  MKNOD: 18,
  RENAME: 20,
  READLINK: 22,
  GETATTR: 24,
  SETATTR: 26,
  XATTRWALK: 30,
  XATTRCREATE: 32,
  READDIR: 40,
  FSYNC: 50,
  LOCK: 52,
  GETLOCK: 54,
  LINK: 70,
  MKDIR: 72,
  RENAMEAT: 74,
  UNLINKAT: 76,
  VERSION: 100,
  AUTH: 102,
  ATTACH: 104,
  FLUSH: 108,
  WALK: 110,
  READ: 116,
  WRITE: 118,
  CLUNK: 120,
  REMOVE: 122,
} as const;

export const HEAD_BYTES = 7;
export const QID_BYTES = 13;
const S_IFMT = 0o170000,
  S_IFDIR = 0o040000,
  S_IFLNK = 0o120000;
const QTDIR = 0x80,
  QTSYMLINK = 0x02;
const WHOLE = 2 ** 32;

/** A message ends before its fields do. */
export class ShortMessage extends Error {
  override name = 'ShortMessage';
}

export class MessageReader {
  private readonly view: DataView;
  private at = HEAD_BYTES;

  constructor(bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  private next(bytes: number): number {
    const { at } = this;
    if (at + bytes > this.view.byteLength) throw new ShortMessage();
    this.at += bytes;
    return at;
  }

  u8(): number {
    return this.view.getUint8(this.next(1));
  }
  u16(): number {
    return this.view.getUint16(this.next(2), true);
  }
  u32(): number {
    return this.view.getUint32(this.next(4), true);
  }
  /** Exact below 2^53. */
  u64(): number {
    const low = this.u32();
    return this.u32() * WHOLE + low;
  }
  data(bytes: number): Uint8Array {
    const at = this.next(bytes);
    return new Uint8Array(this.view.buffer, this.view.byteOffset + at, bytes).slice();
  }
  text(): string {
    return new TextDecoder().decode(this.data(this.u16()));
  }
}

export class MessageWriter {
  private bytes = new Uint8Array(256);
  private view = new DataView(this.bytes.buffer);
  length = HEAD_BYTES;

  private next(bytes: number): number {
    const at = this.length;
    this.length += bytes;
    if (this.length > this.bytes.length) {
      const larger = new Uint8Array(2 * this.length);
      larger.set(this.bytes);
      this.bytes = larger;
      this.view = new DataView(larger.buffer);
    }
    return at;
  }

  u8(value: number): this {
    this.view.setUint8(this.next(1), value);
    return this;
  }
  u16(value: number): this {
    this.view.setUint16(this.next(2), value, true);
    return this;
  }
  u32(value: number): this {
    this.view.setUint32(this.next(4), value, true);
    return this;
  }
  u64(value: number): this {
    return this.u32(value % WHOLE).u32(Math.floor(value / WHOLE));
  }
  data(bytes: Uint8Array): this {
    const at = this.next(bytes.length);
    this.bytes.set(bytes, at);
    return this;
  }
  text(text: string): this {
    const bytes = new TextEncoder().encode(text);
    return this.u16(bytes.length).data(bytes);
  }

  /** type[1] version[4] path[8] */
  qid({ mode, mtimeMs, id }: FileFacts): this {
    const kind = mode & S_IFMT;
    return this.u8(kind === S_IFDIR ? QTDIR : kind === S_IFLNK ? QTSYMLINK : 0)
      .u32(Math.max(0, Math.floor(mtimeMs)) % WHOLE)
      .u64(id);
  }

  /** The message so far. */
  message(type: number, tag: number): Uint8Array {
    this.view.setUint32(0, this.length, true);
    this.view.setUint8(4, type);
    this.view.setUint16(5, tag, true);
    return this.bytes.subarray(0, this.length);
  }
}

/** As struct dirent has it (d_type). */
export const direntType = ({ mode }: FileFacts): number => (mode & S_IFMT) >> 12;

export const isFolder = ({ mode }: FileFacts): boolean => (mode & S_IFMT) === S_IFDIR;
