/**
 * What ATA and ATAPI drives have in common: the command block registers, the data register's buffer, status and interrupt.
 * Source: ATA/ATAPI-6 (T13/1410D), clauses 5 to 7 and 9 (protocols).
 */
import { DEVICE_RESET } from './commands.ts';
import type { State } from '../bus.ts';
import type { Done } from '../../formats/blocks/index.ts';
import { assignState, copyState, resetState } from '../state.ts';

export const BSY = 0x80,
  DRDY = 0x40,
  DF = 0x20,
  DSC = 0x10,
  DRQ = 0x08,
  ERR = 0x01;
export const ABRT = 0x04,
  IDNF = 0x10,
  UNC = 0x40;
export const LBA = 0x40;

/** Largest piece of a request that is moved in one go. */
export const CHUNK_BYTES = 128 * 1024;

/** A drive's connection to its channel. */
export interface DriveHost {
  /** INTRQ of this drive has changed. */
  interruptChanged(): void;
  /** The drive is ready to transfer `drive.dmaBytes` by bus-master DMA. */
  dmaReady(): void;
}

/** Guest memory of a DMA transfer, as the bus master's descriptors list it. */
export interface DmaTarget {
  /** Moves the next bytes. */
  put(from: Uint8Array): void;
  take(into: Uint8Array): void;
  /** The transfer is over. */
  end(ok: boolean): void;
}

const initial = () => ({
  feature: 0,
  hobFeature: 0,
  count: 1,
  hobCount: 0,
  sector: 1,
  hobSector: 0,
  cylinderLow: 0,
  hobCylinderLow: 0,
  cylinderHigh: 0,
  hobCylinderHigh: 0,
  device: 0,
  status: DRDY | DSC,
  error: 1,
  command: 0,
  intrq: false,
  /** Data register: next byte and end of the block that DRQ offers, in `buffer`. */
  position: 0,
  blockEnd: 0,
  /** Bytes in `buffer` that belong to the request. */
  bufferEnd: 0,
  buffer: new Uint8Array(CHUNK_BYTES),
  /** 0 none, 1 to memory, 2 from memory; bytes in all. */
  dmaDirection: 0,
  dmaBytes: 0,
});

export abstract class Drive {
  readonly r = initial();
  protected readonly host: DriveHost;
  /** Counts resets, so that an answer to a request from before is dropped. */
  protected generation = 0;

  constructor(host: DriveHost) {
    this.host = host;
  }

  /** Puts the signature of the device class into the registers. */
  abstract signature(): void;
  protected abstract execute(command: number): void;
  /** The block that DRQ offered was read or filled. */
  protected abstract blockDone(): void;
  /** The bus master is ready: move `dmaBytes`. */
  abstract runDma(target: DmaTarget): void;
  /** Goes on with a request that was under way when the state was saved. */
  protected abstract resume(): void;

  /** The guest looks at the drive while it is busy (BlockDevice.settle). */
  abstract settle(): void;

  get busy(): boolean {
    return (this.r.status & BSY) !== 0;
  }

  /** Writes to 1F1-1F6 reach both drives; the old values become the "high order byte" ones. */
  writeRegister(offset: number, value: number): void {
    const { r } = this;
    if (this.r.status & BSY) return;
    switch (offset) {
      case 1:
        r.hobFeature = r.feature;
        r.feature = value;
        break;
      case 2:
        r.hobCount = r.count;
        r.count = value;
        break;
      case 3:
        r.hobSector = r.sector;
        r.sector = value;
        break;
      case 4:
        r.hobCylinderLow = r.cylinderLow;
        r.cylinderLow = value;
        break;
      case 5:
        r.hobCylinderHigh = r.cylinderHigh;
        r.cylinderHigh = value;
        break;
      default:
        r.device = value;
    }
  }

  readRegister(offset: number, highOrder: boolean): number {
    const { r } = this;
    switch (offset) {
      case 1:
        return r.error;
      case 2:
        return highOrder ? r.hobCount : r.count;
      case 3:
        return highOrder ? r.hobSector : r.sector;
      case 4:
        return highOrder ? r.hobCylinderLow : r.cylinderLow;
      case 5:
        return highOrder ? r.hobCylinderHigh : r.cylinderHigh;
      default:
        return r.device | 0xa0;
    }
  }

  command(value: number): void {
    const { r } = this;
    // DEVICE RESET alone is taken while busy.
    if (r.status & BSY && value !== DEVICE_RESET) return;
    this.setIntrq(false);
    r.command = value;
    r.error = 0;
    r.status = DRDY | DSC;
    r.dmaDirection = 0;
    this.execute(value);
  }

  /** Reading status (not the alternate) ends the interrupt. */
  readStatus(): number {
    this.setIntrq(false);
    return this.r.status;
  }

  protected setIntrq(level: boolean): void {
    if (this.r.intrq === level) return;
    this.r.intrq = level;
    this.host.interruptChanged();
  }

  /** Ends a command: BSY and DRQ off, interrupt. */
  protected complete(error = 0): void {
    const { r } = this;
    r.error = error;
    r.status = DRDY | DSC | (error !== 0 ? ERR : 0);
    r.dmaDirection = 0;
    r.position = r.blockEnd = r.bufferEnd = 0;
    this.setIntrq(true);
  }

  /** Offers the next block of the buffer through the data register. */
  protected offer(start: number, end: number, interrupt: boolean): void {
    const { r } = this;
    r.position = start;
    r.blockEnd = end;
    r.status = (r.status & ~BSY) | DRDY | DRQ;
    if (interrupt) this.setIntrq(true);
  }

  // ---- data register

  readData(size: number): number {
    const { r } = this;
    if (!(r.status & DRQ)) return size === 4 ? 0xffffffff : 0xffff;
    let value = 0;
    for (let i = 0; i < size; i++) value |= (r.position + i < r.blockEnd ? r.buffer[r.position + i] : 0) << (8 * i);
    this.advance(size);
    return value >>> 0;
  }

  writeData(value: number, size: number): void {
    const { r } = this;
    if (!(r.status & DRQ)) return;
    for (let i = 0; i < size && r.position + i < r.blockEnd; i++) r.buffer[r.position + i] = value >>> (8 * i);
    this.advance(size);
  }

  /** REP INS: the rest of the block, or what fits. */
  readBlock(size: number, into: Uint8Array): number {
    const { r } = this;
    if (!(r.status & DRQ)) return 0;
    const count = Math.min(into.length, r.blockEnd - r.position);
    const whole = count - (count % size);
    if (whole === 0) return 0;
    into.set(r.buffer.subarray(r.position, r.position + whole));
    this.advance(whole);
    return whole;
  }

  writeBlock(size: number, from: Uint8Array): number {
    const { r } = this;
    if (!(r.status & DRQ)) return 0;
    const count = Math.min(from.length, r.blockEnd - r.position);
    const whole = count - (count % size);
    if (whole === 0) return 0;
    r.buffer.set(from.subarray(0, whole), r.position);
    this.advance(whole);
    return whole;
  }

  private advance(bytes: number): void {
    const { r } = this;
    r.position += bytes;
    if (r.position < r.blockEnd) return;
    r.status &= ~DRQ;
    this.blockDone();
  }

  /** Hardware or software reset, or EXECUTE DEVICE DIAGNOSTIC: what goes on is dropped, the signature appears. */
  resetRegisters(): void {
    this.generation++;
    // A medium that has not answered yet may still write into the buffer, or read it.
    if (this.busy) this.r.buffer = new Uint8Array(CHUNK_BYTES);
    resetState(this.r, initial());
    this.signature();
    this.host.interruptChanged();
  }

  /** RESET pin. */
  reset(): void {
    this.resetRegisters();
  }

  save(): State {
    return { ...copyState(this.r), buffer: this.r.buffer.slice(0, Math.max(this.r.bufferEnd, this.r.blockEnd)) };
  }

  restore(name: string, state: State): void {
    const buffer = new Uint8Array(CHUNK_BYTES);
    if (state.buffer instanceof Uint8Array && state.buffer.length <= CHUNK_BYTES) buffer.set(state.buffer);
    assignState(name, this.r, { ...state, buffer });
    this.generation++;
    if (this.r.status & BSY) this.resume();
  }

  peek(): State {
    const { buffer: _, ...registers } = copyState(this.r);
    return registers;
  }
}

/** Moves a request in pieces, each by `step(piece, done)`; goes on at once where an answer comes at once, without growing the stack. Ends as soon as one fails. */
export function inPieces(
  total: number,
  piece: number,
  step: (done: number, count: number, next: Done) => void,
  end: Done,
): void {
  let done = 0;
  let inside = false;
  let answered = false;
  const run = (): void => {
    for (;;) {
      if (done >= total) {
        end();
        return;
      }
      const count = Math.min(piece, total - done);
      answered = false;
      inside = true;
      step(done, count, error => {
        if (error) {
          total = done;
          end(error);
          return;
        }
        done += count;
        if (inside) answered = true;
        else run();
      });
      inside = false;
      if (!answered) return;
    }
  };
  run();
}
