/**
 * The asking end of NBD: what a server has is a device here, which answers later. Source: doc/proto.md of NetworkBlockDevice/nbd. Servers that know no GO, and
 * none but simple replies, are spoken to as well.
 */
import { BlockDevice, type BlockRequest, type Done, gather, lengthOf } from '../../../formats/blocks/index.ts';
import { type ByteChannel, type Conversation, Converser } from './channel.ts';
import * as nbd from './numbers.ts';
import { decode, encode, Fields, packed } from './words.ts';

/** Takes an export of a server. @throws Error with a sentence: why there is none */
export function connectNbd(channel: ByteChannel, name: string): Promise<NbdDisk> {
  return new Promise((resolve, reject) => {
    new NbdClient(channel, name, resolve, why => reject(new Error(why))).begin();
  });
}

interface ExportFacts {
  bytes: number;
  flags: number;
  /** Least and most of one request. */
  unit: number;
  most: number;
}

interface Read {
  at: number;
  into: readonly Uint8Array[];
}

/** A request that a server has, or a piece of one. */
interface UnderWay {
  at: number;
  /** Of a read; 0 of others. */
  bytes: number;
  /** Of these, those that have not come. */
  left: number;
  /** Where they go: what is read from byte `at` of the export on. */
  read?: Read | undefined;
  /** What came first of what went wrong. */
  error?: Error;
  done: Done;
}

/** A server's export. Once its channel has ended, each request ends with the reason. */
export class NbdDisk extends BlockDevice {
  readonly bytes: number;
  private readonly client: NbdClient;
  private readonly most: number;
  private readonly flags: number;

  constructor(client: NbdClient, { bytes, flags, unit, most }: ExportFacts) {
    super({
      sectorBytes: Math.max(512, unit),
      readOnly: (flags & nbd.FLAG.READ_ONLY) !== 0,
      discards: (flags & nbd.FLAG.SEND_TRIM) !== 0,
    });
    this.client = client;
    this.bytes = bytes;
    this.most = most;
    this.flags = flags;
  }

  request(request: BlockRequest, done: Done): void {
    const { COMMAND, FLAG } = nbd;
    if (request.op === 'flush') {
      if ((this.flags & FLAG.SEND_FLUSH) === 0) done();
      else this.client.ask(COMMAND.FLUSH, 0, 0, done);
    } else if (request.op === 'discard') {
      // It may stay as it was.
      if (!this.discards) done();
      else
        this.inPieces(request.at, request.bytes, done, (at, bytes, end) =>
          this.client.ask(COMMAND.TRIM, at, bytes, end),
        );
    } else if (request.op === 'read') this.readFrom(request.at, request.pieces, done);
    else this.writeTo(request.at, request.pieces, done);
  }

  private readFrom(start: number, pieces: readonly Uint8Array[], done: Done): void {
    const bytes = lengthOf({ op: 'read', at: start, pieces });
    const read = { at: start, into: pieces };
    this.inPieces(start, bytes, done, (at, count, end) => this.client.ask(nbd.COMMAND.READ, at, count, end, { read }));
  }

  private writeTo(start: number, pieces: readonly Uint8Array[], done: Done): void {
    const whole = new Uint8Array(lengthOf({ op: 'write', at: start, pieces }));
    gather(pieces, whole);
    this.inPieces(start, whole.length, done, (at, count, end) => {
      const from = at - start;
      this.client.ask(nbd.COMMAND.WRITE, at, count, end, { data: whole.subarray(from, from + count) });
    });
  }

  /** Parts no longer than the server takes, one after the other. */
  private inPieces(at: number, bytes: number, done: Done, ask: (at: number, bytes: number, done: Done) => void): void {
    if (bytes === 0) return done();
    const count = Math.min(bytes, this.most);
    ask(at, count, error => {
      if (error) done(error);
      else this.inPieces(at + count, bytes - count, done, ask);
    });
  }

  /** Whether the server still answers. */
  get isThere(): boolean {
    return this.client.isThere;
  }

  /** Nothing more is asked. */
  close(): void {
    this.client.disconnect();
  }

  /** Nothing more is asked, and what has not left does not leave. Requests under way end with an error. */
  reset(): void {
    this.client.reset();
  }
}

class NbdClient {
  private readonly channel: ByteChannel;
  private readonly name: string;
  private readonly converser: Converser;
  private readonly opened: (disk: NbdDisk) => void;
  private readonly requests = new Map<bigint, UnderWay>();
  private structured = false;
  private nextCookie = 1n;
  private over: string | undefined;

  constructor(channel: ByteChannel, name: string, opened: (disk: NbdDisk) => void, failed: (why: string) => void) {
    this.channel = channel;
    this.name = name;
    this.opened = opened;
    this.converser = new Converser(
      channel,
      this.conversation(),
      (why = 'The NBD server has closed the connection.') => {
        this.over ??= why;
        failed(this.over);
        for (const [cookie, { done }] of [...this.requests]) {
          this.requests.delete(cookie);
          done(new Error(this.over));
        }
      },
    );
  }

  get isThere(): boolean {
    return this.over === undefined;
  }

  begin(): void {
    this.converser.begin();
  }

  ask(
    command: number,
    at: number,
    bytes: number,
    done: Done,
    { read, data }: { read?: Read; data?: Uint8Array } = {},
  ): void {
    if (this.over !== undefined) return done(new Error(this.over));
    const cookie = this.nextCookie++;
    const toCome = read ? bytes : 0;
    this.requests.set(cookie, { at, bytes: toCome, left: toCome, read, done });
    this.channel.send(packed([4, nbd.REQUEST_MAGIC], [2, 0], [2, command], [8, cookie], [8, at], [4, bytes]));
    if (data) this.channel.send(data);
  }

  disconnect(): void {
    if (this.over !== undefined) return;
    // What is under way would arrive later, by a socket that the system ends in its own time.
    if (this.requests.size > 0) return this.reset();
    this.over = 'It was closed.';
    this.channel.send(packed([4, nbd.REQUEST_MAGIC], [2, 0], [2, nbd.COMMAND.DISC], [8, 0], [8, 0], [4, 0]));
    this.converser.end(this.over);
  }

  reset(): void {
    if (this.over !== undefined) return;
    this.over = 'It was reset.';
    this.channel.reset?.();
    this.converser.end(this.over);
  }

  private *conversation(): Conversation {
    const { FIXED_NEWSTYLE, NO_ZEROES } = nbd.HANDSHAKE;
    const head = new Fields(yield 18);
    if (head.u64() !== nbd.NBDMAGIC) throw new Error('It is no NBD server.');
    if (head.u64() !== nbd.IHAVEOPT)
      throw new Error('The NBD server knows one export alone, without a name (oldstyle). Take a newer one.');
    const offered = head.u16();
    if ((offered & FIXED_NEWSTYLE) === 0) throw new Error('The NBD server takes no options. Take a newer one.');
    const noZeroes = (offered & NO_ZEROES) !== 0;
    this.channel.send(packed([4, FIXED_NEWSTYLE | (noZeroes ? NO_ZEROES : 0)]));
    this.option(nbd.OPT.STRUCTURED_REPLY);
    this.structured = (yield* this.replies(nbd.OPT.STRUCTURED_REPLY)).refusal === undefined;
    const facts = (yield* this.go()) ?? (yield* this.exportName(noZeroes));
    if (facts.bytes > Number.MAX_SAFE_INTEGER || facts.bytes < 0) throw new Error('The export is too large.');
    this.opened(new NbdDisk(this, facts));
    for (;;) yield* this.answer();
  }

  private option(option: number, data: Uint8Array = new Uint8Array()): void {
    this.channel.send(packed([8, nbd.IHAVEOPT], [4, option], [4, data.length], data));
  }

  /** What the server answers to an option: all that it tells, and why it says no. */
  private *replies(
    option: number,
  ): Generator<
    number,
    { infos: Uint8Array<ArrayBuffer>[]; refusal?: { reply: number; text: string } },
    Uint8Array<ArrayBuffer>
  > {
    const infos: Uint8Array<ArrayBuffer>[] = [];
    for (let i = 0; i < 100; i++) {
      const head = new Fields(yield 20);
      const [magic, about, reply, bytes] = [head.u64(), head.u32(), head.u32(), head.u32()];
      if (magic !== nbd.OPTION_REPLY_MAGIC || about !== option || bytes > 3 * nbd.MOST_TEXT_BYTES) break;
      const data = (yield bytes).slice();
      if (reply === nbd.REP.ACK) return { infos };
      if (nbd.isRefusal(reply)) return { infos, refusal: { reply, text: decode(data) } };
      infos.push(data);
    }
    throw new Error('The NBD server answers an option with something else.');
  }

  /** Undefined: the server does not know GO. @throws Error: it has no such export */
  private *go(): Generator<number, ExportFacts | undefined, Uint8Array<ArrayBuffer>> {
    const { GO } = nbd.OPT;
    const name = encode(this.name);
    this.option(GO, packed([4, name.length], name, [2, 1], [2, nbd.INFO.BLOCK_SIZE]));
    const { infos, refusal } = yield* this.replies(GO);
    if (refusal?.reply === nbd.REP_ERR.UNSUP) return undefined;
    if (refusal) throw new Error(refusal.text === '' ? `The NBD server has no export ‘${this.name}’.` : refusal.text);
    const facts: Partial<ExportFacts> = { unit: 1, most: nbd.MOST_PAYLOAD_BYTES };
    for (const data of infos) {
      const fields = new Fields(data);
      const info = fields.u16();
      if (info === nbd.INFO.EXPORT) Object.assign(facts, { bytes: Number(fields.u64()), flags: fields.u16() });
      if (info === nbd.INFO.BLOCK_SIZE) {
        facts.unit = fields.u32();
        fields.u32();
        facts.most = Math.max(Math.min(fields.u32(), nbd.MOST_PAYLOAD_BYTES), 4096);
      }
    }
    if (facts.bytes === undefined) throw new Error('The NBD server does not say how large its export is.');
    return facts as ExportFacts;
  }

  private *exportName(noZeroes: boolean): Generator<number, ExportFacts, Uint8Array<ArrayBuffer>> {
    this.option(nbd.OPT.EXPORT_NAME, encode(this.name));
    const fields = new Fields(yield noZeroes ? 10 : 134);
    return { bytes: Number(fields.u64()), flags: fields.u16(), unit: 1, most: nbd.MOST_PAYLOAD_BYTES };
  }

  private *answer(): Conversation {
    const magic = new Fields(yield 4).u32();
    if (magic === nbd.SIMPLE_REPLY_MAGIC) {
      const head = new Fields(yield 12);
      const errno = head.u32();
      const { cookie, request } = this.find(head.u64());
      if (errno !== 0) request.error = errorOf(errno);
      else if (request.bytes > 0) fill(request, request.at, yield request.bytes);
      return this.end(cookie);
    }
    if (magic !== nbd.STRUCTURED_REPLY_MAGIC || !this.structured)
      throw new Error('The NBD server sends what is no reply.');
    const head = new Fields(yield 16);
    const [flags, type, which, bytes] = [head.u16(), head.u16(), head.u64(), head.u32()];
    const { cookie, request } = this.find(which);
    if (bytes > request.left + 3 * nbd.MOST_TEXT_BYTES) throw new Error(TOO_MUCH);
    this.take(request, type, new Fields(yield bytes));
    if ((flags & nbd.CHUNK_DONE) !== 0) this.end(cookie);
  }

  /** One chunk of a reply. */
  private take(request: UnderWay, type: number, fields: Fields): void {
    const { CHUNK } = nbd;
    if (nbd.isErrorChunk(type)) {
      const errno = fields.u32();
      request.error ??= errorOf(errno, decode(fields.take(fields.u16())));
    } else if (type === CHUNK.OFFSET_DATA) fill(request, Number(fields.u64()), fields.rest());
    else if (type === CHUNK.OFFSET_HOLE) {
      const at = Number(fields.u64());
      const bytes = fields.u32();
      if (bytes > request.left) throw new Error(TOO_MUCH);
      fill(request, at, new Uint8Array(bytes));
    } else if (type !== CHUNK.NONE) throw new Error(`The NBD server sends a chunk of type ${type}.`);
  }

  private find(cookie: bigint): { cookie: bigint; request: UnderWay } {
    const request = this.requests.get(cookie);
    if (!request) throw new Error('The NBD server answers what was not asked.');
    return { cookie, request };
  }

  private end(cookie: bigint): void {
    const request = this.requests.get(cookie);
    this.requests.delete(cookie);
    if (!request) return;
    const short = request.left > 0 ? new Error('The NBD server sent less than was asked for.') : undefined;
    request.done(request.error ?? short);
  }
}

const TOO_MUCH = 'The NBD server sends more than was asked for.';

/** Bytes of the export from `at` on have come. @throws Error: they were not asked for */
function fill(request: UnderWay, at: number, bytes: Uint8Array): void {
  if (bytes.length > request.left || at < request.at || at + bytes.length > request.at + request.bytes)
    throw new Error(TOO_MUCH);
  request.left -= bytes.length;
  if (request.read) scatterFrom(bytes, request.read.into, at - request.read.at);
}

/** Into pieces, from byte `at` of them on. */
function scatterFrom(bytes: Uint8Array, pieces: readonly Uint8Array[], at: number): void {
  let from = 0;
  let begin = 0;
  for (const piece of pieces) {
    const within = at + from - begin;
    if (within < piece.length && from < bytes.length) {
      const part = bytes.subarray(from, from + piece.length - within);
      piece.set(part, within);
      from += part.length;
    }
    begin += piece.length;
  }
}

const errorOf = (errno: number, text = ''): Error => {
  const { ERRNO } = nbd;
  const said: Record<number, string> = {
    [ERRNO.EPERM]: 'The NBD server does not allow it.',
    [ERRNO.EIO]: 'The NBD server could not read or write.',
    [ERRNO.EINVAL]: 'The NBD server takes the request for wrong.',
    [ERRNO.ENOSPC]: 'The NBD server has no room.',
    [ERRNO.ESHUTDOWN]: 'The NBD server ends.',
  };
  return new Error(text !== '' ? text : (said[errno] ?? `The NBD server reports error ${errno}.`));
};
