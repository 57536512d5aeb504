/**
 * The serving end of NBD: devices of this host for clients that know their names. Fixed newstyle hand-shake, structured replies (with sentences at errors), flush,
 * FUA, trim and zeros. Source: doc/proto.md of NetworkBlockDevice/nbd. No TLS: the code that makes the channel sees to that.
 */
import { type BlockDevice, type BlockRequest, DeviceFull } from '../../../formats/blocks/index.ts';
import { type ByteChannel, type Conversation, Converser } from './channel.ts';
import * as nbd from './numbers.ts';
import { decode, encode, Fields, packed } from './words.ts';

export interface NbdExport {
  device: BlockDevice;
  readOnly: boolean;
  /** For people. */
  description?: string;
  /** The client has gone, and nothing is under way any more. */
  close(): void;
}

export interface NbdExports {
  names(): string[];
  /** An export for one client; its name may be empty. A sentence: why it cannot have it. */
  open(name: string): NbdExport | string;
  /** What an export is, without having it. */
  look(name: string): Omit<NbdExport, 'close'> | string;
}

/** Bytes on their way to a client, and requests of one, above which no more is taken from it. */
const MOST_WAITING_BYTES = 8 * 1024 * 1024;
const MOST_UNDER_WAY = 64;
/** Options that a client may ask before it has an export: none asks as many, and each costs a line of an answer. */
const MOST_OPTIONS = 1000;
/** What is written where zeros are asked for. */
const ZEROS = new Uint8Array(1024 * 1024);

/** Serves one client, from its greeting to its end. `ended`: see Converser. */
export function serveNbd(channel: ByteChannel, exports: NbdExports, ended: (why?: string) => void = () => {}): void {
  new NbdSession(channel, exports, ended).begin();
}

interface Request {
  flags: number;
  command: number;
  cookie: bigint;
  at: number;
  bytes: number;
}

class NbdSession {
  private readonly channel: ByteChannel;
  private readonly exports: NbdExports;
  private readonly converser: Converser;
  private structured = false;
  private opened: NbdExport | undefined;
  private underWay = 0;
  private gone = false;

  constructor(channel: ByteChannel, exports: NbdExports, ended: (why?: string) => void) {
    this.channel = channel;
    this.exports = exports;
    this.converser = new Converser(channel, this.conversation(), why => {
      this.gone = true;
      this.closeExport();
      ended(why);
    });
    channel.onDrained(() => this.pace());
  }

  begin(): void {
    this.converser.begin();
  }

  private *conversation(): Conversation {
    const { FIXED_NEWSTYLE, NO_ZEROES } = nbd.HANDSHAKE;
    this.send(packed([8, nbd.NBDMAGIC], [8, nbd.IHAVEOPT], [2, FIXED_NEWSTYLE | NO_ZEROES]));
    const flags = new Fields(yield 4).u32();
    if ((flags & ~(FIXED_NEWSTYLE | NO_ZEROES)) !== 0)
      throw new Error('The client wants a hand-shake of another kind.');
    if (yield* this.options((flags & NO_ZEROES) !== 0)) yield* this.transmission();
  }

  /** The client chooses an export. Whether it has one. */
  private *options(noZeroes: boolean): Generator<number, boolean, Uint8Array<ArrayBuffer>> {
    for (let i = 0; i < MOST_OPTIONS; i++) {
      const head = new Fields(yield 16);
      if (head.u64() !== nbd.IHAVEOPT) throw new Error('The client does not speak NBD.');
      const option = head.u32();
      const bytes = head.u32();
      if (bytes > 3 * nbd.MOST_TEXT_BYTES) throw new Error(`The client sends an option of ${bytes} bytes.`);
      const data = yield bytes;
      if (option === nbd.OPT.EXPORT_NAME) {
        const opened = this.exports.open(decode(data));
        // There is no way to say no, but to go.
        if (typeof opened === 'string') throw new Error(opened);
        this.opened = opened;
        const { device } = opened;
        this.send(packed([8, device.bytes], [2, flagsOf(opened)], new Uint8Array(noZeroes ? 0 : 124)));
        return true;
      }
      if (option === nbd.OPT.ABORT) {
        this.reply(option, nbd.REP.ACK);
        return false;
      }
      if (this.answer(option, data)) return true;
    }
    throw new Error('The client asks, and takes no export.');
  }

  /** Answers an option. Whether the client has an export now. */
  private answer(option: number, data: Uint8Array<ArrayBuffer>): boolean {
    const { OPT, REP, REP_ERR } = nbd;
    if (option === OPT.LIST) {
      if (data.length > 0) this.refuse(option, REP_ERR.INVALID, 'The list takes nothing.');
      else {
        for (const name of this.exports.names()) {
          const text = encode(name);
          const found = this.exports.look(name);
          const description = typeof found === 'string' ? '' : (found.description ?? '');
          this.reply(option, REP.SERVER, packed([4, text.length], text, encode(description)));
        }
        this.reply(option, REP.ACK);
      }
    } else if (option === OPT.STRUCTURED_REPLY) {
      if (data.length > 0) this.refuse(option, REP_ERR.INVALID, 'Structured replies take nothing.');
      else {
        this.structured = true;
        this.reply(option, REP.ACK);
      }
    } else if (option === OPT.INFO || option === OPT.GO) return this.info(option, data);
    else
      this.refuse(
        option,
        REP_ERR.UNSUP,
        option === OPT.STARTTLS ? 'There is no TLS here.' : `There is no option ${option} here.`,
      );
    return false;
  }

  private info(option: number, data: Uint8Array<ArrayBuffer>): boolean {
    const { INFO, REP, REP_ERR } = nbd;
    let name: string;
    const wanted = new Set<number>();
    try {
      const fields = new Fields(data);
      name = decode(fields.take(fields.u32()));
      for (let count = fields.u16(); count > 0; count--) wanted.add(fields.u16());
      if (fields.left > 0) throw new RangeError();
    } catch {
      this.refuse(option, REP_ERR.INVALID, 'The option contradicts itself.');
      return false;
    }
    const isGo = option === nbd.OPT.GO;
    const found = isGo ? this.exports.open(name) : this.exports.look(name);
    if (typeof found === 'string') {
      this.refuse(option, REP_ERR.UNKNOWN, found);
      return false;
    }
    const inform = (info: number, ...fields: Parameters<typeof packed>): void =>
      this.reply(option, REP.INFO, packed([2, info], ...fields));
    const { device, description } = found;
    if (wanted.has(INFO.NAME)) inform(INFO.NAME, encode(name));
    if (description !== undefined && wanted.has(INFO.DESCRIPTION)) inform(INFO.DESCRIPTION, encode(description));
    if (wanted.has(INFO.BLOCK_SIZE))
      inform(INFO.BLOCK_SIZE, [4, unitOf(device)], [4, 4096], [4, nbd.MOST_PAYLOAD_BYTES]);
    inform(INFO.EXPORT, [8, device.bytes], [2, flagsOf(found)]);
    this.reply(option, REP.ACK);
    if (isGo) this.opened = found as NbdExport;
    return isGo;
  }

  private *transmission(): Conversation {
    for (;;) {
      const head = new Fields(yield 28);
      if (head.u32() !== nbd.REQUEST_MAGIC) throw new Error('The client sends what is no request.');
      const [flags, command, cookie, at, bytes] = [head.u16(), head.u16(), head.u64(), Number(head.u64()), head.u32()];
      const request = { flags, command, cookie, at, bytes };
      if (command === nbd.COMMAND.DISC) return;
      if (command !== nbd.COMMAND.WRITE) this.carryOut(request);
      else if (bytes > nbd.MOST_PAYLOAD_BYTES) throw new Error(`The client writes ${bytes} bytes at once.`);
      else this.carryOut(request, yield bytes);
      this.pace();
    }
  }

  /** Takes no more while much is under way. */
  private pace(): void {
    this.converser.rest(this.underWay >= MOST_UNDER_WAY || this.channel.waitingBytes > MOST_WAITING_BYTES);
  }

  private carryOut(request: Request, data?: Uint8Array): void {
    const { device, readOnly } = this.opened!;
    const problem = problemOf(request, device, readOnly);
    if (problem) return this.fail(request.cookie, problem.errno, problem.sentence);
    const into = request.command === nbd.COMMAND.READ ? new Uint8Array(request.bytes) : undefined;
    this.underWay++;
    const end = (error?: Error): void => {
      this.underWay--;
      if (error)
        this.fail(request.cookie, error instanceof DeviceFull ? nbd.ERRNO.ENOSPC : nbd.ERRNO.EIO, error.message);
      else this.succeed(request, into);
      if (this.gone) this.closeExport();
      else this.pace();
    };
    device.request(blockRequest(request, into ?? data), error => {
      if (error || (request.flags & nbd.COMMAND_FLAG.FUA) === 0 || into) end(error);
      else device.request({ op: 'flush' }, end);
    });
  }

  private succeed({ cookie, at }: Request, read: Uint8Array | undefined): void {
    if (!this.structured) this.send(packed([4, nbd.SIMPLE_REPLY_MAGIC], [4, 0], [8, cookie]), read);
    else if (read && read.length > 0) {
      this.chunk(cookie, nbd.CHUNK.OFFSET_DATA, 8 + read.length, packed([8, at]), read);
    } else this.chunk(cookie, nbd.CHUNK.NONE, 0);
  }

  private fail(cookie: bigint, errno: number, sentence: string): void {
    if (!this.structured) return this.send(packed([4, nbd.SIMPLE_REPLY_MAGIC], [4, errno], [8, cookie]));
    const text = encode(sentence).subarray(0, nbd.MOST_TEXT_BYTES);
    this.chunk(cookie, nbd.CHUNK.ERROR, 6 + text.length, packed([4, errno], [2, text.length], text));
  }

  /** A reply of one chunk. */
  private chunk(cookie: bigint, type: number, bytes: number, ...content: Uint8Array[]): void {
    const head = packed([4, nbd.STRUCTURED_REPLY_MAGIC], [2, nbd.CHUNK_DONE], [2, type], [8, cookie], [4, bytes]);
    this.send(head, ...content);
  }

  private reply(option: number, reply: number, data: Uint8Array = new Uint8Array()): void {
    this.send(packed([8, nbd.OPTION_REPLY_MAGIC], [4, option], [4, reply], [4, data.length], data));
  }

  private refuse(option: number, reply: number, sentence: string): void {
    this.reply(option, reply, encode(sentence));
  }

  private send(...pieces: (Uint8Array | undefined)[]): void {
    if (this.gone) return;
    for (const piece of pieces) if (piece && piece.length > 0) this.channel.send(piece);
  }

  private closeExport(): void {
    if (this.underWay > 0) return;
    this.opened?.close();
    this.opened = undefined;
  }
}

/** The least that can be read and written. */
const unitOf = (device: BlockDevice): number => (device.immediate ? 1 : device.sectorBytes);

function flagsOf({ device, readOnly }: Omit<NbdExport, 'close'>): number {
  const { HAS_FLAGS, READ_ONLY, SEND_FLUSH, SEND_FUA, SEND_TRIM, SEND_WRITE_ZEROES, SEND_DF } = nbd.FLAG;
  const writes = SEND_FLUSH | SEND_FUA | SEND_WRITE_ZEROES | (device.discards ? SEND_TRIM : 0);
  return HAS_FLAGS | SEND_DF | (readOnly ? READ_ONLY : writes);
}

function problemOf(
  { command, at, bytes }: Request,
  device: BlockDevice,
  readOnly: boolean,
): { errno: number; sentence: string } | undefined {
  const { COMMAND, ERRNO, MOST_PAYLOAD_BYTES } = nbd;
  if (command === COMMAND.FLUSH) return undefined;
  const writes = command === COMMAND.WRITE || command === COMMAND.TRIM || command === COMMAND.WRITE_ZEROES;
  if (command !== COMMAND.READ && !writes)
    return { errno: ERRNO.EINVAL, sentence: `There is no command ${command} here.` };
  if (writes && readOnly) return { errno: ERRNO.EPERM, sentence: 'The export is read-only.' };
  if (command === COMMAND.READ && bytes > MOST_PAYLOAD_BYTES)
    return { errno: ERRNO.EINVAL, sentence: `${bytes} bytes are more than the ${MOST_PAYLOAD_BYTES} of one request.` };
  if (at + bytes > device.bytes) {
    const sentence = `${bytes} bytes at ${at} do not lie within ${device.bytes}.`;
    return { errno: command === COMMAND.READ || command === COMMAND.TRIM ? ERRNO.EINVAL : ERRNO.ENOSPC, sentence };
  }
  const unit = unitOf(device);
  if (at % unit !== 0 || bytes % unit !== 0)
    return { errno: ERRNO.EINVAL, sentence: `${bytes} bytes at ${at} are no whole sectors of ${unit} bytes.` };
  return undefined;
}

function blockRequest({ command, at, bytes }: Request, data: Uint8Array | undefined): BlockRequest {
  if (command === nbd.COMMAND.FLUSH) return { op: 'flush' };
  if (command === nbd.COMMAND.TRIM) return { op: 'discard', at, bytes };
  if (data) return { op: command === nbd.COMMAND.READ ? 'read' : 'write', at, pieces: [data] };
  const pieces: Uint8Array[] = [];
  for (let left = bytes; left > 0; left -= ZEROS.length) pieces.push(ZEROS.subarray(0, Math.min(left, ZEROS.length)));
  return { op: 'write', at, pieces };
}
