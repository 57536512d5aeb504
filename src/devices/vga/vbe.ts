/**
 * Bochs' display interface (VBE "DISPI"): modes of 4 to 32 bits a pixel with a linear frame buffer.
 * Source: Bochs documentation, "VBE DISPI interface" (index 0x1CE, data 0x1CF), and QEMU's specification of its
 * standard VGA (docs/specs/standard-vga).
 */
import type { VgaRegisters } from './registers.ts';
import { dacColour } from './text.ts';
import { pixel } from './graphics.ts';

const ID = 0,
  XRES = 1,
  YRES = 2,
  BPP = 3,
  ENABLE = 4,
  BANK = 5,
  VIRT_WIDTH = 6,
  VIRT_HEIGHT = 7,
  X_OFFSET = 8,
  Y_OFFSET = 9,
  MEMORY_64K = 10;
const REGISTERS = 10;
const ID_FIRST = 0xb0c0,
  ID_LAST = 0xb0c5;
const ENABLED = 0x01,
  GET_CAPABILITIES = 0x02,
  DAC_8BIT = 0x20,
  LINEAR = 0x40,
  NO_CLEAR = 0x80;
/** Largest picture; memory limits it further. */
const MOST_WIDTH = 2560,
  MOST_HEIGHT = 1600,
  MOST_BPP = 32;

export const newDispi = () => ({
  index: 0,
  values: Uint16Array.from({ length: REGISTERS }, (_, i) => (i === ID ? ID_LAST : i === BPP ? 8 : 0)),
});

/** The register file over `memory`; `changed` is called when the picture's form or place has. */
export class Dispi {
  readonly r = newDispi();
  private readonly memory: Uint8Array;
  private readonly changed: () => void;
  private readonly row = new Uint32Array(MOST_WIDTH);

  constructor(memory: Uint8Array, changed: () => void) {
    this.memory = memory;
    this.changed = changed;
  }

  get enabled(): boolean {
    return (this.r.values[ENABLE] & ENABLED) !== 0;
  }

  /** Modes whose memory is linear: all but 4 bits a pixel. */
  get linear(): boolean {
    return this.enabled && this.bpp > 4;
  }

  get dac8(): boolean {
    return this.enabled && (this.r.values[ENABLE] & DAC_8BIT) !== 0;
  }

  get bpp(): number {
    return this.r.values[BPP];
  }

  get width(): number {
    return this.r.values[XRES];
  }

  get height(): number {
    return this.r.values[YRES];
  }

  get bankOffset(): number {
    return this.r.values[BANK] * 65536;
  }

  /** Bytes of a pixel; 15 bits take two. */
  private get pixelBytes(): number {
    return (this.bpp + 7) >> 3;
  }

  /** Bytes from one row to the next. */
  get pitch(): number {
    return this.bpp === 4 ? this.r.values[VIRT_WIDTH] >> 3 : this.r.values[VIRT_WIDTH] * this.pixelBytes;
  }

  /** First byte of the picture in memory. */
  get start(): number {
    return (
      this.r.values[Y_OFFSET] * this.pitch +
      (this.bpp === 4 ? this.r.values[X_OFFSET] >> 3 : this.r.values[X_OFFSET] * this.pixelBytes)
    );
  }

  read(index: number): number {
    const { values } = this.r;
    if (values[ENABLE] & GET_CAPABILITIES) {
      if (index === XRES) return MOST_WIDTH;
      if (index === YRES) return MOST_HEIGHT;
      if (index === BPP) return MOST_BPP;
    }
    if (index === MEMORY_64K) return this.memory.length >> 16;
    return values[index] ?? 0;
  }

  write(index: number, value: number): void {
    const { values } = this.r;
    switch (index) {
      case ID:
        if (value >= ID_FIRST && value <= ID_LAST) values[ID] = value;
        return;
      case XRES:
        if (!this.enabled && value <= MOST_WIDTH && (value & 7) === 0) values[XRES] = value;
        return;
      case YRES:
        if (!this.enabled && value <= MOST_HEIGHT) values[YRES] = value;
        return;
      case BPP:
        // 0 represents 8.
        if (!this.enabled && [0, 4, 8, 15, 16, 24, 32].includes(value)) values[BPP] = value || 8;
        return;
      case ENABLE:
        this.enable(value);
        return;
      case BANK:
        if (value * 65536 < this.memory.length) values[BANK] = value;
        return;
      case VIRT_WIDTH:
        this.setVirtualWidth(value);
        break;
      case X_OFFSET:
      case Y_OFFSET:
        values[index] = value;
        this.clampOffsets();
        break;
      default:
        return;
    }
    this.changed();
  }

  /** At least what is shown, at most what memory holds for the height shown; the virtual height follows. */
  private setVirtualWidth(value: number): void {
    const { values } = this.r;
    const bits = this.bpp === 15 ? 16 : this.bpp;
    const most = Math.floor((this.memory.length * 8) / bits / Math.max(1, values[YRES])) & ~7;
    values[VIRT_WIDTH] = Math.max(values[XRES], Math.min(value & ~7, most, 0xfff8));
    values[VIRT_HEIGHT] = Math.min(0xffff, this.pitch === 0 ? 0 : Math.floor(this.memory.length / this.pitch));
    this.clampOffsets();
  }

  /** The picture must lie in memory. */
  private clampOffsets(): void {
    const { values } = this.r;
    values[X_OFFSET] = Math.min(values[X_OFFSET], values[VIRT_WIDTH] - values[XRES]);
    values[Y_OFFSET] = Math.min(values[Y_OFFSET], Math.max(0, values[VIRT_HEIGHT] - values[YRES]));
  }

  private enable(value: number): void {
    const { values } = this.r;
    const wasEnabled = this.enabled;
    if (value & ENABLED && !wasEnabled) {
      const bytes = (values[XRES] * (this.bpp === 15 ? 16 : this.bpp) * values[YRES]) / 8;
      // A picture that memory cannot hold stays off.
      if (values[XRES] === 0 || values[YRES] === 0 || bytes > this.memory.length) value &= ~ENABLED;
    }
    values[ENABLE] = value;
    if (this.enabled && !wasEnabled) {
      values[BANK] = values[X_OFFSET] = values[Y_OFFSET] = 0;
      this.setVirtualWidth(values[XRES]);
      if (!(value & NO_CLEAR)) this.memory.fill(0, 0, this.pitch * values[YRES] * (this.bpp === 4 ? 4 : 1));
    }
    if (this.enabled || wasEnabled) this.changed();
  }

  /** A linear mode, cleared; false where memory cannot hold it. */
  setLinear(width: number, height: number, bpp: number): boolean {
    this.enable(0);
    for (const [index, value] of [
      [XRES, width],
      [YRES, height],
      [BPP, bpp],
      [ENABLE, ENABLED | LINEAR],
    ])
      this.write(index, value);
    return this.linear && this.width === width && this.height === height && this.bpp === bpp;
  }

  /** Draws rows `first` to `last` of a linear mode. */
  draw(vga: VgaRegisters, pixels: Uint32Array, first: number, last: number): void {
    const { memory, bpp, width, pitch, start, dac8 } = this;
    const { buffer, byteOffset } = memory;
    for (let y = first; y <= last; y++) {
      const from = start + y * pitch;
      const to = y * width;
      switch (bpp) {
        case 32: {
          // Stored as blue, green, red, unused. Through a row of our own: loops over shared memory take twice as long as two copies and one over this.
          const row = this.row.subarray(0, width);
          row.set(new Uint32Array(buffer, byteOffset + from, width));
          swapRedAndBlue(row);
          pixels.set(row, to);
          break;
        }
        case 24:
          for (let x = 0, at = from; x < width; x++, at += 3) {
            pixels[to + x] = 0xff000000 | (memory[at] << 16) | (memory[at + 1] << 8) | memory[at + 2];
          }
          break;
        case 16: {
          const row = new Uint16Array(buffer, byteOffset + from, width);
          for (let x = 0; x < width; x++) {
            const v = row[x];
            const red = v >> 11,
              green = (v >> 5) & 63,
              blue = v & 31;
            pixels[to + x] =
              0xff000000 |
              (((blue << 3) | (blue >> 2)) << 16) |
              (((green << 2) | (green >> 4)) << 8) |
              (red << 3) |
              (red >> 2);
          }
          break;
        }
        case 15: {
          const row = new Uint16Array(buffer, byteOffset + from, width);
          for (let x = 0; x < width; x++) {
            const v = row[x];
            const red = (v >> 10) & 31,
              green = (v >> 5) & 31,
              blue = v & 31;
            pixels[to + x] =
              0xff000000 |
              (((blue << 3) | (blue >> 2)) << 16) |
              (((green << 3) | (green >> 2)) << 8) |
              (red << 3) |
              (red >> 2);
          }
          break;
        }
        default: {
          const colours = paletteOf(vga, dac8);
          for (let x = 0; x < width; x++) pixels[to + x] = colours[memory[from + x]];
        }
      }
    }
  }
}

/** 0x00RRGGBB to pixels, in place. */
function swapRedAndBlue(row: Uint32Array): void {
  for (let x = 0; x < row.length; x++) {
    const rgb = row[x];
    row[x] = 0xff000000 | ((rgb & 0xff) << 16) | (rgb & 0xff00) | ((rgb >>> 16) & 0xff);
  }
}

/** 256 colours as pixels; `dac8`: eight bits a component. */
export function paletteOf(vga: VgaRegisters, dac8: boolean): Uint32Array {
  const { dac, dacMask } = vga;
  return Uint32Array.from({ length: 256 }, (_, i) => {
    if (!dac8) return pixel(dacColour(vga, i));
    const at = (i & dacMask) * 3;
    return pixel((dac[at] << 16) | (dac[at + 1] << 8) | dac[at + 2]);
  });
}
