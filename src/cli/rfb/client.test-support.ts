/** A client of RFB, for tests: as small as one can be, and it checks what it is sent. */
import type { ByteChannel } from '../../dom0/host/nbd/index.ts';
import { Pieces } from '../../dom0/host/nbd/index.ts';
import { ByteSink, formatBytes, OWN_FORMAT, type Reading, readFormat } from '../../formats/rfb/index.ts';
import { type Canvas, canvas, type Drawn, readServerMessage } from '../../formats/rfb/decode.test-support.ts';
import { answerTo } from './password.ts';

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
const number = (bytes: Uint8Array): number => bytes.reduce((sum, byte) => sum * 256 + byte, 0);

export interface ClientWishes {
  version?: string;
  /** Absent: None. */
  password?: string;
  isShared?: boolean;
  encodings?: readonly number[];
}

export class RfbClient {
  private readonly channel: ByteChannel;
  private readonly pieces = new Pieces();
  private arrived: () => void = () => {};
  isClosed = false;
  name = '';
  canvas: Canvas = canvas(0, 0);
  readonly format = OWN_FORMAT;

  constructor(channel: ByteChannel) {
    this.channel = channel;
    channel.listen(
      bytes => {
        this.pieces.push(bytes);
        this.arrived();
      },
      () => {
        this.isClosed = true;
        this.arrived();
      },
    );
  }

  /** @throws Error: why the server does not want it */
  async begin({ version = 'RFB 003.008\n', password, isShared = true, encodings }: ClientWishes = {}): Promise<this> {
    const greeting = latin1(await this.read(12));
    if (greeting !== 'RFB 003.008\n') throw new Error(`greeted with ${greeting}`);
    this.send(new ByteSink().text(version));
    const minor = Number(version.slice(8, 11));
    const type = password === undefined ? 1 : 2;
    if (minor === 3) {
      if (number(await this.read(4)) !== type) throw new Error('another security type');
    } else {
      const types = await this.read((await this.read(1))[0]);
      if (!types.includes(type)) throw new Error(`security types ${[...types].join(' ')}`);
      this.send(new ByteSink().u8(type));
    }
    if (password !== undefined)
      this.send(new ByteSink().put(answerTo(await this.read(16), new TextEncoder().encode(password))));
    if ((password !== undefined || minor === 8) && number(await this.read(4)) !== 0)
      throw new Error(minor === 8 ? latin1(await this.read(number(await this.read(4)))) : 'refused');
    this.send(new ByteSink().u8(isShared ? 1 : 0));
    const head = await this.read(24);
    this.canvas = canvas(number(head.subarray(0, 2)), number(head.subarray(2, 4)));
    if (Buffer.compare(head.subarray(4, 20), formatBytes(this.format)) !== 0)
      throw new Error(`pixels as ${JSON.stringify(readFormat(head.subarray(4, 20)))}`);
    this.name = latin1(await this.read(number(head.subarray(20))));
    if (encodings) this.setEncodings(encodings);
    return this;
  }

  send(sink: ByteSink): void {
    this.channel.send(sink.taken());
  }

  setEncodings(encodings: readonly number[]): void {
    const sink = new ByteSink().u8(2).u8(0).u16(encodings.length);
    for (const each of encodings) sink.u32(each);
    this.send(sink);
  }

  ask(isIncremental: boolean): void {
    const { width, height } = this.canvas;
    this.send(
      new ByteSink()
        .u8(3)
        .u8(isIncremental ? 1 : 0)
        .u32(0)
        .u16(width)
        .u16(height),
    );
  }

  /** What an update draws, once there is one. */
  async update(isIncremental = true): Promise<Drawn[]> {
    this.ask(isIncremental);
    for (;;) {
      const drawn = await this.message();
      if (drawn !== 'colours') return drawn;
    }
  }

  message(): Promise<Drawn[] | 'colours'> {
    return this.reads(readServerMessage(this.canvas, this.format));
  }

  key(keysym: number, isDown: boolean, xtCode?: number): void {
    const down = isDown ? 1 : 0;
    this.send(
      xtCode === undefined
        ? new ByteSink().u8(4).u8(down).u16(0).u32(keysym)
        : new ByteSink().u8(255).u8(0).u16(down).u32(keysym).u32(xtCode),
    );
  }

  type(text: string): void {
    for (const letter of text) {
      const keysym = letter === '\n' ? 0xff0d : letter.charCodeAt(0);
      this.key(keysym, true);
      this.key(keysym, false);
    }
  }

  pointer(buttons: number, x: number, y: number): void {
    this.send(new ByteSink().u8(5).u8(buttons).u16(x).u16(y));
  }

  /** As three bytes a pixel. */
  get rgb(): Uint8Array {
    const { pixels } = this.canvas;
    return Uint8Array.from({ length: pixels.length * 3 }, (_, i) => pixels[Math.floor(i / 3)] >>> (16 - 8 * (i % 3)));
  }

  close(): void {
    this.channel.close();
  }

  private async reads<T>(reading: Reading<T>): Promise<T> {
    for (let step = reading.next(); ; ) {
      if (step.done) return step.value;
      step = reading.next(this.pieces.bytes >= step.value ? this.pieces.take(step.value) : await this.read(step.value));
    }
  }

  async read(count: number): Promise<Uint8Array<ArrayBuffer>> {
    while (this.pieces.bytes < count) {
      if (this.isClosed) throw new Error('the server has closed the connection');
      await new Promise<void>(resolve => {
        this.arrived = resolve;
      });
    }
    return this.pieces.take(count);
  }
}
