/** A TFTP server that is read from. Sources: RFC 1350, RFC 2347 (options), RFC 2348 (block size), RFC 2349 (transfer size). */
import { concat } from '../../formats/bytes/index.ts';
import { ascii, get16, put16 } from './packets.ts';

export const TFTP_PORT = 69;
const RRQ = 1,
  WRQ = 2,
  DATA = 3,
  ACK = 4,
  ERROR = 5,
  OACK = 6;
const NOT_FOUND = 1,
  ACCESS_VIOLATION = 2,
  ILLEGAL = 4;
const DEFAULT_BLOCK = 512,
  MIN_BLOCK = 8;
/** What fits a frame behind the headers of IP, UDP and TFTP. */
const MAX_BLOCK = 1500 - 20 - 8 - 4;
const MAX_TRANSFERS = 8;
/** Servers answer from ports of their own, one a transfer. */
const FIRST_PORT = 49152,
  PORTS = 8192;
const RETRY_NS = 1e9,
  MAX_RETRIES = 5;

/** Files by their paths, without a slash in front; undefined: there is none. One may have to be fetched first. */
export interface TftpFiles {
  get(path: string): Uint8Array | undefined | Promise<Uint8Array | undefined>;
}

interface Transfer {
  /** The client that asked, by the peer's name for it: a key. */
  client: string;
  port: number;
  /** As it was asked for. */
  request: string;
  content: Uint8Array;
  blockSize: number;
  /** Number of the block on its way (0: the answer to the options), counted without end. */
  block: number;
  /** The first answer was acknowledged. */
  begun: boolean;
  sent: Uint8Array;
  retries: number;
  deadlineNs: number;
}

/** A message and the port that it comes from. */
export interface TftpReply {
  client: string;
  port: number;
  message: Uint8Array;
}

function message(opcode: number, number: number, data: Uint8Array): Uint8Array {
  const head = new Uint8Array(4);
  put16(head, 0, opcode);
  put16(head, 2, number);
  return concat(head, data);
}
const error = (code: number, text: string): Uint8Array => message(ERROR, code, ascii(`${text}\0`));

export class TftpServer {
  private readonly files: TftpFiles;
  private readonly transfers: Transfer[] = [];
  private started = 0;

  /** Files by their paths, without a slash in front. */
  constructor(files: TftpFiles) {
    this.files = files;
  }

  /** When `retry` is due; Infinity: never. */
  get nextDeadlineNs(): number {
    return Math.min(Infinity, ...this.transfers.map(transfer => transfer.deadlineNs));
  }

  /** Whether a transfer to that client is under way from that port. */
  serves(client: string, port: number): boolean {
    return this.transfers.some(one => one.client === client && one.port === port);
  }

  /** A message to port 69 or to a transfer's. Null: nothing to say. `nowNs`: asked when there is something to say. */
  message(client: string, port: number, data: Uint8Array, nowNs: () => number): TftpReply | null | Promise<TftpReply> {
    if (data.length < 4) return null;
    const opcode = get16(data, 0);
    if (port === TFTP_PORT) {
      const from = FIRST_PORT + (this.started++ % PORTS);
      if (opcode === RRQ) return this.read(client, from, data.slice(2), nowNs);
      return opcode === WRQ ? { client, port: from, message: error(ACCESS_VIOLATION, 'read only') } : null;
    }
    const transfer = this.transfers.find(one => one.client === client && one.port === port);
    if (!transfer) return null;
    if (opcode === ERROR) this.drop(transfer);
    // A second acknowledgement of an earlier block must not double every block from here on (RFC 1123, 4.2.3.1).
    if (opcode !== ACK || get16(data, 2) !== (transfer.block & 0xffff)) return null;
    transfer.begun = true;
    return this.advance(transfer, nowNs()) ? { client, port, message: transfer.sent } : null;
  }

  /** What has waited for its acknowledgement too long goes out again, a few times. */
  retry(nowNs: number): TftpReply[] {
    const due = this.transfers.filter(transfer => transfer.deadlineNs <= nowNs);
    for (const transfer of due) {
      transfer.deadlineNs = nowNs + RETRY_NS;
      if (++transfer.retries > MAX_RETRIES) this.drop(transfer);
    }
    return due
      .filter(({ retries }) => retries <= MAX_RETRIES)
      .map(({ client, port, sent }) => ({ client, port, message: sent }));
  }

  private drop(transfer: Transfer): void {
    const at = this.transfers.indexOf(transfer);
    if (at >= 0) this.transfers.splice(at, 1);
  }

  private read(client: string, port: number, request: Uint8Array, nowNs: () => number): TftpReply | Promise<TftpReply> {
    const refused = (code: number, text: string): TftpReply => ({ client, port, message: error(code, text) });
    const text = new TextDecoder('latin1').decode(request),
      fields = text.split('\0');
    // The last field ends with a zero byte too.
    if (fields.pop() !== '' && fields.length < 2) return refused(ILLEGAL, 'malformed request');
    const [name, mode, ...options] = fields;
    if (!name || mode?.toLowerCase() !== 'octet') return refused(ILLEGAL, 'only mode octet');
    const opened = (content: Uint8Array | undefined): TftpReply => {
      if (!content) return refused(NOT_FOUND, 'file not found');
      const transfer =
        this.transfers.find(one => one.client === client && one.request === text && !one.begun) ??
        this.open({ client, port, request: text, content }, options, nowNs());
      return { client, port: transfer.port, message: transfer.sent };
    };
    const found = this.files.get(name.replace(/^[/\\]+/, ''));
    return found instanceof Promise ? found.then(opened, () => opened(undefined)) : opened(found);
  }

  /**
   * A transfer with its first answer. Another one of that client goes on: a request may be there twice, and of two answers the client keeps the first
   * (RFC 1350, 4). It refuses the other, or never acknowledges it.
   */
  private open(
    asked: Pick<Transfer, 'client' | 'port' | 'request' | 'content'>,
    options: readonly string[],
    nowNs: number,
  ): Transfer {
    const { content } = asked;
    let blockSize = DEFAULT_BLOCK;
    const accepted: string[] = [];
    for (let i = 0; i + 1 < options.length; i += 2) {
      const key = options[i].toLowerCase();
      const value = Number(options[i + 1]);
      if (key === 'blksize' && value >= MIN_BLOCK) {
        blockSize = Math.min(Math.floor(value), MAX_BLOCK);
        accepted.push(key, String(blockSize));
      } else if (key === 'tsize') accepted.push(key, String(content.length));
    }
    if (this.transfers.length === MAX_TRANSFERS) this.transfers.shift();
    const transfer: Transfer = {
      ...asked,
      blockSize,
      block: 0,
      begun: false,
      sent: new Uint8Array(0),
      retries: 0,
      deadlineNs: nowNs + RETRY_NS,
    };
    this.transfers.push(transfer);
    if (accepted.length === 0) {
      this.advance(transfer, nowNs);
      return transfer;
    }
    const head = new Uint8Array(2);
    put16(head, 0, OACK);
    transfer.sent = concat(head, ascii(`${accepted.join('\0')}\0`));
    return transfer;
  }

  /** Makes the next block the one on its way. False: the last was acknowledged. */
  private advance(transfer: Transfer, nowNs: number): boolean {
    const { content, blockSize, block } = transfer;
    // The last block is the one that is not full.
    if (block > 0 && block * blockSize > content.length) {
      this.drop(transfer);
      return false;
    }
    transfer.block++;
    transfer.sent = message(
      DATA,
      transfer.block & 0xffff,
      content.subarray(block * blockSize, transfer.block * blockSize),
    );
    transfer.retries = 0;
    transfer.deadlineNs = nowNs + RETRY_NS;
    return true;
  }
}
