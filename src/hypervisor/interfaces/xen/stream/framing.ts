/**
 * Takes a file apart into headers and records (format.ts), as its bytes come: lengths, numbers and checksums. What the records say is reader.ts's, which hears of
 * each in order; nothing is kept here. Nothing here trusts a length, and every message names the record and where it lies.
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
  XL_JSON,
  XL_STREAM_V2,
} from './format.ts';
import { XL_HEADER_BYTES, XL_MAGIC } from './xl-header.ts';
import { SavedStateError } from '../../../domain/saved-state-error.ts';

/** xl's header has a definition of at most 256 KiB and a few words next to it, as JSON: in the worst case six letters for one. */
const MOST_CONFIG_BYTES = 2 ** 21;

/** As much is kept of what comes from elsewhere: what a guest changed of a disk, or its kernel and RAM disk. */
const MOST_RECORD_BYTES = 2 ** 29;

export interface FileRecord {
  type: number;
  name: string;
  /** Where it starts in the file. */
  at: number;
  body: Uint8Array;
  view: DataView;
}

/** Hears what a file holds, in its order; what it throws ends the reading. */
export interface Heard {
  /** The configuration in xl's header: JSON. */
  config(text: string): void;
  /** Libxc's image begins, with its version and the kind of its domain. */
  image(version: number, kind: number): void;
  libxc(record: FileRecord): void;
  libxl(record: FileRecord): void;
}

/** Asks for the next bytes of a file, this many each time; where the file ends before, fewer are given. */
export type Asks<Result> = Generator<number, Result, Uint8Array>;

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
    this.say(`is damaged: ${what}. Copy it again, or save the guest again.`);
  }

  record({ name, at }: FileRecord, what: string): never {
    this.damaged(`record ${name} at byte ${at} ${what}`);
  }

  cut(what: string): never {
    this.say(`is cut short: ${what}. Copy it again.`);
  }
}

class Framing {
  private readonly heard: Heard;
  private readonly complaint: Complaint;
  /** Of the file; Infinity: it comes, and nobody knows how much of it there will be. */
  private readonly bytes: number;
  private at = 0;
  private hasImage = false;
  /** Headers and records as the checksums count them. */
  private readonly pieces: { name: string; at: number; sum: number }[] = [];

  constructor(bytes: number, complaint: Complaint, heard: Heard) {
    this.bytes = bytes;
    this.complaint = complaint;
    this.heard = heard;
  }

  /** The next bytes, as one piece with what was taken before where `joined`. `what`, `from`: whose they are, for a message. */
  private *take(bytes: number, what: string, joined = false, from = this.at): Asks<Uint8Array> {
    const { at } = this;
    const there = this.bytes - at;
    const taken = bytes <= there ? yield bytes : undefined;
    if (!taken || taken.length < bytes)
      return this.complaint.cut(`${what} at byte ${from} wants ${bytes} bytes and ${taken?.length ?? there} are there`);
    const last = this.pieces[this.pieces.length - 1];
    if (joined) last.sum = crc32(taken, 0, bytes, last.sum);
    else this.pieces.push({ name: what, at, sum: crc32(taken) });
    this.at = at + bytes;
    return taken;
  }

  private *record(nameOf: (type: number) => string): Asks<FileRecord> {
    const { at } = this;
    const header = viewOf(yield* this.take(RECORD_HEADER_BYTES, 'the record header'));
    const type = header.getUint32(0, true),
      length = header.getUint32(4, true);
    const name = nameOf(type);
    this.pieces[this.pieces.length - 1].name = `record ${name}`;
    if (length > MOST_RECORD_BYTES && this.bytes === Infinity)
      this.complaint.damaged(
        `record ${name} at byte ${at} has ${length} bytes, and none has more than ${MOST_RECORD_BYTES}`,
      );
    const whole = yield* this.take(padded(length), `record ${name}`, true, at);
    for (let i = length; i < whole.length; i++)
      if (whole[i] !== 0) this.complaint.damaged(`the padding of record ${name} at byte ${at} is not zero`);
    const body = whole.subarray(0, length);
    return { type, name, at, body, view: viewOf(body) };
  }

  *whole(): Asks<void> {
    const { complaint, heard } = this;
    heard.config(yield* this.xlHeader());
    yield* this.libxlHeader();
    for (;;) {
      const record = yield* this.record(libxlName);
      const { type, body } = record;
      if (type === LIBXL.END) {
        if (body.length !== 0) complaint.record(record, `has ${body.length} bytes and should have none`);
        break;
      }
      if (type === LIBXL.CHECKPOINT_END || type === LIBXL.CHECKPOINT_STATE)
        complaint.record(record, 'belongs to a stream of checkpoints, which cannot be restored from a file');
      if (type > LIBXL.CHECKPOINT_STATE && type < OPTIONAL)
        complaint.record(record, 'is of a kind that this version does not know and that it must not pass over');
      heard.libxl(record);
      if (type === LIBXL.RINGSIDE_CHECKSUMS) this.compare(record);
      if (type !== LIBXL.LIBXC_CONTEXT) continue;
      if (this.hasImage) complaint.record(record, 'is the second of its kind');
      if (body.length !== 0) complaint.record(record, `has ${body.length} bytes and should have none`);
      this.hasImage = true;
      yield* this.image();
    }
    if (this.bytes !== Infinity && this.at !== this.bytes)
      complaint.damaged(`${this.bytes - this.at} bytes follow its last record`);
  }

  /** Returns the configuration. */
  private *xlHeader(): Asks<string> {
    const { complaint } = this;
    const head = yield Math.min(XL_HEADER_BYTES, this.bytes);
    const letters = (count: number): string => String.fromCharCode(...head.subarray(0, count));
    if (letters(FORMER_MAGIC.length) === FORMER_MAGIC)
      complaint.say(
        'was saved by Ringside before its saved states were libxc images; this version does not read them. Restore it with the version that saved it.',
      );
    const known = Math.min(XL_MAGIC.length, head.length);
    if (letters(known) !== XL_MAGIC.slice(0, known) || known === 0)
      complaint.say(`is no saved domain: it does not start with "Xen saved domain".`);
    if (head.length < XL_HEADER_BYTES)
      complaint.cut(`xl's header at byte 0 wants ${XL_HEADER_BYTES} bytes and ${head.length} are there`);
    this.at = XL_HEADER_BYTES;
    this.pieces.push({ name: "xl's header", at: 0, sum: crc32(head) });
    const words = viewOf(head.subarray(XL_MAGIC.length));
    const word = (i: number): number => words.getUint32(i * 4, true);
    if (word(0) !== XL_BYTE_ORDER) complaint.damaged(`the byte order in xl's header is 0x${word(0).toString(16)}`);
    if (word(1) !== (XL_JSON | XL_STREAM_V2))
      complaint.say(
        `was saved in another way: xl's header has the flags 0x${word(1).toString(16)}, and this version reads 0x${(XL_JSON | XL_STREAM_V2).toString(16)}. Restore it with the version that saved it.`,
      );
    if (word(3) > MOST_CONFIG_BYTES)
      complaint.damaged(
        `the configuration in xl's header has ${word(3)} bytes, and none has more than ${MOST_CONFIG_BYTES}`,
      );
    const text = yield* this.take(word(3), "the configuration in xl's header", true);
    if (text[text.length - 1] !== 0) complaint.damaged("the configuration in xl's header does not end");
    // Of shared memory it would not be decoded.
    return new TextDecoder().decode(text.slice(0, -1));
  }

  private *libxlHeader(): Asks<void> {
    const { complaint, at } = this;
    const view = viewOf(yield* this.take(LIBXL_HEADER_BYTES, "libxl's header"));
    if (view.getUint32(0) !== LIBXL_IDENT[0] || view.getUint32(4) !== LIBXL_IDENT[1])
      complaint.damaged(`libxl's header at byte ${at} does not start with "LibxlFmt"`);
    const version = view.getUint32(8),
      options = view.getUint32(12);
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
  private *image(): Asks<void> {
    const { complaint, heard, at } = this;
    const view = viewOf(yield* this.take(LIBXC_IMAGE_HEADER_BYTES, 'the image header'));
    if (view.getUint32(0) !== 0xffffffff || view.getUint32(4) !== 0xffffffff || view.getUint32(8) !== LIBXC_ID)
      complaint.damaged(`the image header at byte ${at} does not start with its marker and "XENF"`);
    const version = view.getUint32(12);
    if (!LIBXC_VERSIONS.includes(version))
      complaint.say(
        `was saved as libxc image version ${version} (image header at byte ${at}); this version reads ${LIBXC_VERSIONS.join(' and ')}. Restore it with the version that saved it.`,
      );
    const options = view.getUint16(16);
    if (options & LIBXC_BIG_ENDIAN)
      complaint.say(`is of a big-endian machine (image header at byte ${at}), which this one is not.`);
    if (options !== 0 || view.getUint16(18) !== 0 || view.getUint32(20) !== 0)
      complaint.damaged(`the image header at byte ${at} has options that nobody knows`);
    const domainAt = this.at;
    const domain = viewOf(yield* this.take(LIBXC_DOMAIN_HEADER_BYTES, 'the domain header'));
    const kind = domain.getUint32(0, true);
    if (kind !== DOMAIN_KIND.HVM && kind !== DOMAIN_KIND.PV)
      complaint.damaged(`the domain header at byte ${domainAt} names no kind of domain (${kind})`);
    if (domain.getUint16(4, true) !== 12 || domain.getUint16(6, true) !== 0)
      complaint.damaged(`the domain header at byte ${domainAt} tells of pages that are not of 4096 bytes`);
    heard.image(version, kind);
    for (;;) {
      const record = yield* this.record(libxcName);
      const { type, body } = record;
      if (type === LIBXC.END) {
        if (body.length !== 0) complaint.record(record, `has ${body.length} bytes and should have none`);
        return;
      }
      if (type > LIBXC.X86_MSR_POLICY && type < OPTIONAL)
        complaint.record(record, 'is of a kind that this version does not know and that it must not pass over');
      heard.libxc(record);
    }
  }

  /** CRC-32 of each piece before this record. */
  private compare(record: FileRecord): void {
    const { complaint, pieces } = this;
    const { view, body } = record;
    const before = pieces.slice(0, -1);
    if (
      body.length !== 8 + before.length * 4 ||
      view.getUint32(0, true) !== before.length ||
      view.getUint32(4, true) !== 0
    )
      complaint.record(record, `does not count the ${before.length} headers and records before it`);
    before.forEach(({ name, at, sum }, i) => {
      if (sum !== view.getUint32(8 + i * 4, true)) complaint.damaged(`the checksum of ${name} at byte ${at} is wrong`);
    });
  }
}

const viewOf = ({ buffer, byteOffset, byteLength }: Uint8Array): DataView =>
  new DataView(buffer, byteOffset, byteLength);

/** `bytes`: of the file, Infinity where it comes. @throws SavedStateError */
export const takeApart = (bytes: number, complaint: Complaint, heard: Heard): Asks<void> =>
  new Framing(bytes, complaint, heard).whole();
