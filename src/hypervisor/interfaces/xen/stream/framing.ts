/**
 * Takes a file apart into headers and records (format.ts): lengths, numbers and checksums. What the records say is reader.ts's.
 * Nothing here trusts a length, and every message names the record and where it lies.
 */
import { crc32 } from '../../../../formats/unpack/index.ts';
import {
  DOMAIN_KIND,
  LIBXC,
  LIBXC_BIG_ENDIAN,
  LIBXC_DOMAIN_HEADER_BYTES,
  LIBXC_ID,
  LIBXC_IMAGE_HEADER_BYTES,
  LIBXC_VERSIONS,
  libxcName,
  LIBXL,
  LIBXL_BIG_ENDIAN,
  LIBXL_HEADER_BYTES,
  LIBXL_IDENT,
  LIBXL_LEGACY,
  LIBXL_VERSION,
  libxlName,
  OPTIONAL,
  padded,
  RECORD_HEADER_BYTES,
  XL_BYTE_ORDER,
  XL_HEADER_BYTES,
  XL_JSON,
  XL_MAGIC,
  XL_STREAM_V2,
} from './format.ts';
import { SavedStateError } from '../../../domain/saved-state-error.ts';

/** xl's header has a definition of at most 256 KiB and a few words beside it, as JSON: in the worst case six letters for one. */
const MOST_CONFIG_BYTES = 2 ** 21;

export interface FileRecord {
  type: number;
  name: string;
  /** Where it starts in the file. */
  at: number;
  body: Uint8Array;
  view: DataView;
}

/** A file, taken apart. */
export interface Framed {
  /** JSON. */
  config: string;
  version: number;
  kind: number;
  libxc: FileRecord[];
  libxl: FileRecord[];
}

/** How saved states began before they were libxc images. */
const FORMER_MAGIC = 'RINGSAVE';

/** Messages about one file. */
export class Complaint {
  private readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  say(sentence: string): never {
    throw new SavedStateError(`${this.name} ${sentence}`);
  }

  damaged(what: string): never {
    this.say(`is damaged: ${what}. Copy it again, or save the guest anew.`);
  }

  record({ name, at }: FileRecord, what: string): never {
    this.damaged(`record ${name} at byte ${at} ${what}`);
  }

  cut(what: string): never {
    this.say(`is cut short: ${what}. Copy it again.`);
  }
}

class Framing {
  private readonly file: Uint8Array;
  private readonly view: DataView;
  private readonly complaint: Complaint;
  private at = 0;
  /** Headers and records as the checksums count them. */
  private readonly pieces: { name: string; at: number; end: number }[] = [];

  constructor(file: Uint8Array, complaint: Complaint) {
    this.file = file;
    this.view = new DataView(file.buffer, file.byteOffset, file.byteLength);
    this.complaint = complaint;
  }

  /** The next bytes, as one piece with what was taken before where `joined`. */
  private take(bytes: number, name: string, joined = false): number {
    const { at, file } = this;
    if (at + bytes > file.length)
      this.complaint.cut(`${name} at byte ${at} wants ${bytes} bytes and ${file.length - at} are there`);
    if (joined) this.pieces[this.pieces.length - 1].end = at + bytes;
    else this.pieces.push({ name, at, end: at + bytes });
    this.at = at + bytes;
    return at;
  }

  private letters(at: number, count: number): string {
    return String.fromCharCode(...this.file.subarray(at, at + count));
  }

  private record(nameOf: (type: number) => string): FileRecord {
    const start = this.take(RECORD_HEADER_BYTES, 'the record header');
    const type = this.view.getUint32(start, true),
      length = this.view.getUint32(start + 4, true);
    const name = nameOf(type);
    this.pieces[this.pieces.length - 1].name = `record ${name}`;
    if (this.at + padded(length) > this.file.length)
      this.complaint.cut(
        `record ${name} at byte ${start} wants ${padded(length)} bytes and ${this.file.length - this.at} are there`,
      );
    const from = this.take(padded(length), name, true);
    for (let i = from + length; i < this.at; i++)
      if (this.file[i] !== 0) this.complaint.damaged(`the padding of record ${name} at byte ${start} is not zero`);
    const body = this.file.subarray(from, from + length);
    return { type, name, at: start, body, view: new DataView(body.buffer, body.byteOffset, body.byteLength) };
  }

  whole(): Framed {
    const { complaint, file } = this;
    const config = this.xlHeader();
    this.libxlHeader();
    const framed: Framed = { config, version: 0, kind: 0, libxc: [], libxl: [] };
    for (;;) {
      const record = this.record(libxlName);
      const { type, body } = record;
      if (type === LIBXL.END) {
        if (body.length !== 0) complaint.record(record, `has ${body.length} bytes and should have none`);
        break;
      }
      if (type === LIBXL.CHECKPOINT_END || type === LIBXL.CHECKPOINT_STATE)
        complaint.record(record, 'belongs to a stream of checkpoints, which cannot be restored from a file');
      if (type > LIBXL.CHECKPOINT_STATE && type < OPTIONAL)
        complaint.record(record, 'is of a kind that this version does not know and that it must not pass over');
      framed.libxl.push(record);
      if (type === LIBXL.RINGSIDE_CHECKSUMS) this.compare(record);
      if (type !== LIBXL.LIBXC_CONTEXT) continue;
      if (framed.version !== 0) complaint.record(record, 'is the second of its kind');
      if (body.length !== 0) complaint.record(record, `has ${body.length} bytes and should have none`);
      this.image(framed);
    }
    if (this.at !== file.length) complaint.damaged(`${file.length - this.at} bytes follow its last record`);
    return framed;
  }

  /** Returns the configuration. */
  private xlHeader(): string {
    const { complaint, view, file } = this;
    if (this.letters(0, FORMER_MAGIC.length) === FORMER_MAGIC)
      complaint.say(
        'was saved by Ringside before its saved states were libxc images; this version does not read them. Restore it with the version that saved it.',
      );
    const known = Math.min(XL_MAGIC.length, file.length);
    if (this.letters(0, known) !== XL_MAGIC.slice(0, known) || known === 0)
      complaint.say(`is no saved domain: it does not start with "Xen saved domain".`);
    this.take(XL_HEADER_BYTES, "xl's header");
    const word = (i: number): number => view.getUint32(XL_MAGIC.length + i * 4, true);
    if (word(0) !== XL_BYTE_ORDER) complaint.damaged(`the byte order in xl's header is 0x${word(0).toString(16)}`);
    if (word(1) !== (XL_JSON | XL_STREAM_V2))
      complaint.say(
        `was saved in another way: xl's header has the flags 0x${word(1).toString(16)}, and this version reads 0x${(XL_JSON | XL_STREAM_V2).toString(16)}. Restore it with the version that saved it.`,
      );
    if (word(3) > MOST_CONFIG_BYTES)
      complaint.damaged(
        `the configuration in xl's header has ${word(3)} bytes, and none has more than ${MOST_CONFIG_BYTES}`,
      );
    const from = this.take(word(3), "the configuration in xl's header", true);
    const text = file.slice(from, this.at);
    if (text[text.length - 1] !== 0) complaint.damaged("the configuration in xl's header does not end");
    return new TextDecoder().decode(text.subarray(0, -1));
  }

  private libxlHeader(): void {
    const { complaint, view } = this;
    const at = this.take(LIBXL_HEADER_BYTES, "libxl's header");
    if (view.getUint32(at) !== LIBXL_IDENT[0] || view.getUint32(at + 4) !== LIBXL_IDENT[1])
      complaint.damaged(`libxl's header at byte ${at} does not start with "LibxlFmt"`);
    const version = view.getUint32(at + 8),
      options = view.getUint32(at + 12);
    if (version !== LIBXL_VERSION)
      complaint.say(
        `was saved as libxl stream version ${version} (header at byte ${at}); this version reads ${LIBXL_VERSION}. Restore it with the version that saved it.`,
      );
    if (options & LIBXL_BIG_ENDIAN)
      complaint.say(`is of a big-endian machine (libxl's header at byte ${at}), which this one is not.`);
    if (options & LIBXL_LEGACY)
      complaint.say(`was converted from a format before libxl's version 2 (header at byte ${at}), which is not read.`);
    if (options !== 0)
      complaint.damaged(`libxl's header at byte ${at} has options 0x${options.toString(16)} that nobody knows`);
  }

  /** libxc's image, up to its END. */
  private image(framed: Framed): void {
    const { complaint, view } = this;
    const at = this.take(LIBXC_IMAGE_HEADER_BYTES, 'the image header');
    if (
      view.getUint32(at) !== 0xffffffff ||
      view.getUint32(at + 4) !== 0xffffffff ||
      view.getUint32(at + 8) !== LIBXC_ID
    )
      complaint.damaged(`the image header at byte ${at} does not start with its marker and "XENF"`);
    framed.version = view.getUint32(at + 12);
    if (!LIBXC_VERSIONS.includes(framed.version))
      complaint.say(
        `was saved as libxc image version ${framed.version} (image header at byte ${at}); this version reads ${LIBXC_VERSIONS.join(' and ')}. Restore it with the version that saved it.`,
      );
    const options = view.getUint16(at + 16);
    if (options & LIBXC_BIG_ENDIAN)
      complaint.say(`is of a big-endian machine (image header at byte ${at}), which this one is not.`);
    if (options !== 0 || view.getUint16(at + 18) !== 0 || view.getUint32(at + 20) !== 0)
      complaint.damaged(`the image header at byte ${at} has options that nobody knows`);
    const domainAt = this.take(LIBXC_DOMAIN_HEADER_BYTES, 'the domain header');
    framed.kind = view.getUint32(domainAt, true);
    if (framed.kind !== DOMAIN_KIND.HVM && framed.kind !== DOMAIN_KIND.PV)
      complaint.damaged(`the domain header at byte ${domainAt} names no kind of domain (${framed.kind})`);
    if (view.getUint16(domainAt + 4, true) !== 12 || view.getUint16(domainAt + 6, true) !== 0)
      complaint.damaged(`the domain header at byte ${domainAt} tells of pages that are not of 4096 bytes`);
    for (;;) {
      const record = this.record(libxcName);
      const { type, body } = record;
      if (type === LIBXC.END) {
        if (body.length !== 0) complaint.record(record, `has ${body.length} bytes and should have none`);
        return;
      }
      if (type > LIBXC.X86_MSR_POLICY && type < OPTIONAL)
        complaint.record(record, 'is of a kind that this version does not know and that it must not pass over');
      framed.libxc.push(record);
    }
  }

  /** CRC-32 of each piece before this record. */
  private compare(record: FileRecord): void {
    const { complaint, pieces, file } = this;
    const { view, body } = record;
    const before = pieces.slice(0, -1);
    if (
      body.length !== 8 + before.length * 4 ||
      view.getUint32(0, true) !== before.length ||
      view.getUint32(4, true) !== 0
    )
      complaint.record(record, `does not count the ${before.length} headers and records before it`);
    before.forEach(({ name, at, end }, i) => {
      if (crc32(file, at, end) !== view.getUint32(8 + i * 4, true))
        complaint.damaged(`the checksum of ${name} at byte ${at} is wrong`);
    });
  }
}

/** @throws SavedStateError */
export function takeApart(file: Uint8Array, complaint: Complaint): Framed {
  return new Framing(file, complaint).whole();
}
