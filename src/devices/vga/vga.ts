/**
 * IBM VGA: sequencer, CRT controller, graphics and attribute controllers, DAC, 256 KiB in four planes.
 * Source: IBM PS/2 Hardware Interface Technical Reference, "Video subsystem" (VGA function); register names are its own.
 * Planes lie interleaved: byte `4 * offset + plane`, so that one 32-bit word is what the latches hold.
 * Bochs' display interface (vbe.ts) shares the memory; its linear frame buffer is BAR 0 of the PCI function.
 */
import type { Clock, Device, MemoryRange, PortRange, State, Timer, Timers } from '../bus.ts';
import { assignState, copyState, resetState, StateError, subState } from '../state.ts';
import { EDID } from './edid.ts';
import { CP437_8X16 } from './font/cp437-8x16.ts';
import { DEFAULT_DAC, MODE3 } from './modes.ts';
import { cellsFromMemory, newTextFrame } from './text.ts';
import { PciFunction } from '../pci/pci.ts';
import { drawPlanes, pictureOf } from './graphics.ts';
import { GLYPH_BYTES, ownMemory, type ScreenWriter, type VideoMemory } from './screen.ts';
import { readRetrace, timingOf } from './timing.ts';
import { UsedMemory } from './used-memory.ts';
import { Dispi, newDispi } from './vbe.ts';
import {
  initialRegisters,
  CRTC_CURSOR_LOCATION_LOW,
  CRTC_LINE_COMPARE,
  CRTC_OVERFLOW,
  CRTC_START_ADDRESS_HIGH,
  CRTC_VERTICAL_RETRACE_END,
  GC_BIT_MASK,
  GC_COLOR_COMPARE,
  GC_COLOR_DONT_CARE,
  GC_DATA_ROTATE,
  GC_ENABLE_SET_RESET,
  GC_MISCELLANEOUS,
  GC_MODE,
  GC_READ_MAP_SELECT,
  GC_SET_RESET,
  SEQ_CLOCKING_MODE,
  SEQ_MAP_MASK,
  SEQ_MEMORY_MODE,
  SEQ_RESET,
} from './registers.ts';

/** Offsets within a plane. */
const PLANE_BYTES = 65536;
const PAGE_BYTES = 4096;
/** Fonts lie in plane 2, 32 bytes a character of which the cell height counts. */
const FONT_PLANE = 2;
/** QEMU's memory-mapped registers (BAR 2): the monitor's EDID, the VGA's ports from 3C0h, DISPI's registers, an extension block with its size and byte order. */
const MMIO_BYTES = 4096,
  MMIO_VGA = 0x400,
  MMIO_DISPI = 0x500,
  MMIO_EXTENSION = 0x600,
  LITTLE_ENDIAN = 0x1e1e1e1e;
/** What has changed reaches the screen after at most this long. */
const REFRESH_NS = Math.floor(1e9 / 60);
/**
 * A viewer that asks (ScreenWriter.wanted) is looked at this often while there is something to show, and forgotten when it has not asked for this long.
 * Two clocks of 60 Hz, one that draws and one that shows, would beat: pictures would be lost though both are fast enough.
 */
const ASK_NS = 1e6,
  VIEWER_NS = 250e6;

/** One byte in each plane whose bit is set. */
const PLANES = Uint32Array.from(
  { length: 16 },
  (_, mask) => 0xff * ((mask & 1) | ((mask & 2) << 7) | ((mask & 4) << 14) | ((mask & 8) << 21)),
);

export class Vga implements Device {
  readonly name = 'vga';
  readonly fn = new PciFunction('VGA', { vendor: 0x1234, device: 0x1111, revision: 2, class: 0x030000, status: 0 });
  readonly r = initialRegisters();
  /** The interleaved planes are its first 256 KiB. */
  readonly memory: Uint8Array;
  readonly dispi: Dispi;
  private readonly words: Uint32Array;
  private readonly clock: Clock;
  private readonly timer: Timer;
  private readonly screen: ScreenWriter | undefined;
  private readonly video: VideoMemory | undefined;
  private readonly text = newTextFrame();
  private timing = timingOf(this.r);
  /** The whole picture is to be drawn again, not only pages that were written. */
  private redraw = true;
  private shown = { width: 0, height: 0 };
  /** When a viewer last asked for a picture. */
  private wantedNs = -Infinity;
  /** Pages written through the adapter's own windows, where no one else tells. */
  private readonly dirty: Uint8Array;
  private readonly used: UsedMemory;

  readonly ports: PortRange = {
    base: 0x3c0,
    count: 0x10,
    read: offset => this.readPort(0x3c0 + offset),
    write: (offset, value) => this.writePort(0x3c0 + offset, value),
  };
  readonly colourPorts: PortRange = {
    base: 0x3d0,
    count: 0x10,
    read: offset => this.readCrtc(0x3d0, offset),
    write: (offset, value) => this.writeCrtc(0x3d0, offset, value),
  };
  readonly monoPorts: PortRange = {
    base: 0x3b0,
    count: 0x0c,
    read: offset => this.readCrtc(0x3b0, offset),
    write: (offset, value) => this.writeCrtc(0x3b0, offset, value),
  };
  /** Index at 0x1CE, data at 0x1CF, each 16 bits wide; byte halves of the data are 0x1CF and 0x1D0. */
  readonly dispiPorts: PortRange = {
    base: 0x1ce,
    count: 3,
    width: 2,
    read: (offset, size) => {
      const value = offset === 0 ? this.dispi.r.index : this.dispi.read(this.dispi.r.index);
      return size === 2 ? value : offset === 2 ? value >> 8 : value & 0xff;
    },
    write: (offset, value, size) => {
      if (offset === 0) this.dispi.r.index = value;
      else if (size === 2) this.dispi.write(this.dispi.r.index, value);
    },
  };
  readonly window: MemoryRange = {
    base: 0xa0000,
    length: 0x20000,
    read: (offset, size) => this.readMemory(offset, size),
    write: (offset, value, size) => this.writeMemory(offset, value, size),
  };

  /** Without `video` the adapter has memory of its own, which a guest reaches through exits only. `bios`: its expansion ROM. */
  constructor(timers: Timers, screen?: ScreenWriter, video?: VideoMemory, bios?: Uint8Array) {
    this.clock = timers.clock;
    this.screen = screen;
    this.video = video;
    this.timer = timers.create('vga', () => this.tick());
    this.memory = video?.bytes ?? ownMemory();
    this.used = new UsedMemory(this.memory, video);
    this.words = new Uint32Array(this.memory.buffer, this.memory.byteOffset, PLANE_BYTES);
    this.dirty = new Uint8Array(this.memory.length / PAGE_BYTES);
    this.dispi = new Dispi(this.memory, () => this.touch());
    const { fn } = this;
    fn.addBar(0, {
      kind: 'memory',
      size: this.memory.length,
      prefetchable: true,
      read: (offset, size) => this.readLinear(offset, size),
      write: (offset, value, size) => this.writeLinear(offset, value, size),
      moved: base => video?.moved(base),
    });
    fn.addBar(2, {
      kind: 'memory',
      size: MMIO_BYTES,
      read: (offset, size) => this.readMmio(offset, size),
      write: (offset, value, size) => this.writeMmio(offset, value, size),
    });
    if (bios) fn.setRom(bios);
    // Legacy ports and windows answer whatever the command register says, so that a machine without firmware has its screen.
    fn.config[4] = 3;
  }

  /** Something visible may have changed: it is shown within a sixtieth of a second. */
  private touch(): void {
    this.redraw = true;
    this.wake();
  }

  private wake(): void {
    if (this.timer.deadlineNs !== Infinity) return;
    const now = this.clock.nowNs();
    this.timer.set(now + (now - this.wantedNs < VIEWER_NS ? ASK_NS : REFRESH_NS));
  }

  /** There is something to show: a viewer gets it when it asks. */
  private tick(): void {
    const now = this.clock.nowNs();
    if (this.screen?.wanted?.()) this.wantedNs = now;
    else if (now - this.wantedNs < VIEWER_NS) return this.timer.set(now + ASK_NS);
    this.refresh();
  }

  /** Shows the present picture now. */
  refresh(): void {
    this.timer.cancel();
    this.show();
    // Stores to memory that is the guest's own are seen only by looking.
    if (this.video && this.screen?.pixels && this.dispi.linear) this.wake();
  }

  private show(): void {
    const { screen, r } = this;
    if (!screen) return;
    // Screen off (clocking mode bit 5), palette given to the processor, or the sequencer held in reset: nothing on the wire.
    if (r.sequencer[SEQ_CLOCKING_MODE] & 0x20 || !(r.attributeIndex & 0x20) || (r.sequencer[SEQ_RESET] & 3) !== 3) {
      screen.off();
      this.redraw = true;
      return;
    }
    if (this.dispi.linear) this.showLinear(screen);
    else if (r.graphics[GC_MISCELLANEOUS] & 1 || this.dispi.enabled) this.showPlanes(screen);
    else {
      cellsFromMemory(r, this.memory, this.text);
      screen.text(this.text);
    }
  }

  /** Room for the picture; a new size is a whole new picture. */
  private pixelsFor(screen: ScreenWriter, width: number, height: number): Uint32Array | null {
    const pixels = screen.pixels?.(width, height) ?? null;
    if (!pixels) {
      screen.off();
      return null;
    }
    if (this.shown.width !== width || this.shown.height !== height) {
      this.shown = { width, height };
      this.redraw = true;
    }
    return pixels;
  }

  private showPlanes(screen: ScreenWriter): void {
    const { dispi, r } = this;
    const picture = pictureOf(r);
    // 4 bits a pixel of DISPI: planes, with its size and start.
    if (dispi.enabled)
      Object.assign(picture, {
        width: dispi.width,
        height: dispi.height,
        repeat: 1,
        shift: 0,
        rows: { pitch: dispi.pitch, start: dispi.start },
      });
    const pixels = this.pixelsFor(screen, picture.width, picture.height);
    if (!pixels) return;
    drawPlanes(r, this.words, picture, pixels);
    this.redraw = false;
    screen.pixelsChanged?.(0, picture.height - 1);
  }

  private showLinear(screen: ScreenWriter): void {
    const { dispi, r } = this;
    const { width, height, pitch, start } = dispi;
    const pixels = this.pixelsFor(screen, width, height);
    if (!pixels) return;
    const theirs = this.video?.takeDirtyPages();
    if (this.redraw || theirs === null) {
      this.redraw = false;
      this.dirty.fill(0);
      dispi.draw(r, pixels, 0, height - 1);
      screen.pixelsChanged?.(0, height - 1);
      return;
    }
    // Runs of rows that lie in written pages.
    const written = (row: number): boolean => {
      const last = (start + (row + 1) * pitch - 1) >> 12;
      for (let page = (start + row * pitch) >> 12; page <= last; page++)
        if (this.dirty[page] || theirs?.[page]) return true;
      return false;
    };
    for (let row = 0; row < height; row++) {
      if (!written(row)) continue;
      const first = row;
      while (row + 1 < height && written(row + 1)) row++;
      dispi.draw(r, pixels, first, row);
      screen.pixelsChanged?.(first, row);
    }
    this.dirty.fill(0);
  }

  // ---- linear frame buffer and memory-mapped registers

  private readLinear(offset: number, size: number): number {
    let value = 0;
    for (let i = 0; i < size; i++) value |= this.memory[offset + i] << (8 * i);
    return value >>> 0;
  }

  private writeLinear(offset: number, value: number, size: number): void {
    for (let i = 0; i < size; i++) this.memory[offset + i] = value >>> (8 * i);
    this.used.stored(offset + size);
    if (this.dispi.linear) {
      this.dirty[offset >> 12] = 1;
      this.dirty[(offset + size - 1) >> 12] = 1;
      this.wake();
    } else this.touch();
  }

  private readMmio(offset: number, size: number): number {
    if (size === 4 && offset >= MMIO_EXTENSION)
      return offset === MMIO_EXTENSION ? 8 : offset === MMIO_EXTENSION + 4 ? LITTLE_ENDIAN : 0xffffffff;
    if (offset >= MMIO_DISPI && offset < MMIO_DISPI + 22 && size === 2)
      return this.dispi.read((offset - MMIO_DISPI) >> 1);
    let value = 0;
    for (let i = 0; i < size; i++) {
      const port = offset + i - MMIO_VGA;
      value |=
        (port < 0 || port >= 0x20
          ? (EDID[offset + i] ?? 0xff)
          : port < 0x10
            ? this.readPort(0x3c0 + port)
            : this.readCrtc(0x3d0, port - 0x10)) <<
        (8 * i);
    }
    return value >>> 0;
  }

  private writeMmio(offset: number, value: number, size: number): void {
    if (offset >= MMIO_DISPI && offset < MMIO_DISPI + 22 && size === 2) {
      this.dispi.write((offset - MMIO_DISPI) >> 1, value);
      return;
    }
    for (let i = 0; i < size; i++) {
      const port = offset + i - MMIO_VGA;
      if (port < 0 || port >= 0x20) continue;
      const byte = (value >>> (8 * i)) & 0xff;
      if (port < 0x10) this.writePort(0x3c0 + port, byte);
      else this.writeCrtc(0x3d0, port - 0x10, byte);
    }
  }

  // ---- processor's window on the planes

  /** Offset in the window's 128 KiB to the address the planes see; -1: not decoded in this memory map. */
  private decode(offset: number): number {
    const { r } = this;
    if (!(r.misc & 2)) return -1;
    switch ((r.graphics[GC_MISCELLANEOUS] >> 2) & 3) {
      case 0:
        return offset;
      case 1:
        return offset < 0x10000 ? offset : -1;
      case 2:
        return offset >= 0x10000 && offset < 0x18000 ? offset - 0x10000 : -1;
      default:
        return offset >= 0x18000 ? offset - 0x18000 : -1;
    }
  }

  private readMemory(offset: number, size: number): number {
    // Linear modes see 64 KiB of their memory at a time here, chosen by the bank register.
    if (this.dispi.linear)
      return offset < 0x10000
        ? this.readLinear((this.dispi.bankOffset + offset) % this.memory.length, size)
        : 0xffffffff;
    let value = 0;
    for (let i = 0; i < size; i++) value |= this.readByte(offset + i) << (i * 8);
    return value >>> 0;
  }

  private readByte(offset: number): number {
    const { r } = this;
    let at = this.decode(offset);
    if (at < 0) return 0xff;
    let plane: number;
    if (r.sequencer[SEQ_MEMORY_MODE] & 8) {
      plane = at & 3;
      at &= ~3;
    } else if (r.graphics[GC_MODE] & 0x10) {
      plane = (r.graphics[GC_READ_MAP_SELECT] & 2) | (at & 1);
      if (r.graphics[GC_MISCELLANEOUS] & 2) at &= ~1;
    } else plane = r.graphics[GC_READ_MAP_SELECT] & 3;
    const word = this.words[at & (PLANE_BYTES - 1)];
    r.latch = word;
    if (!(r.graphics[GC_MODE] & 8)) return (word >>> (plane * 8)) & 0xff;
    // Read mode 1: bits where all planes that count agree with the colour.
    const care = PLANES[r.graphics[GC_COLOR_DONT_CARE] & 15];
    const differs = (word ^ PLANES[r.graphics[GC_COLOR_COMPARE] & 15]) & care;
    return ~(differs | (differs >>> 8) | (differs >>> 16) | (differs >>> 24)) & 0xff;
  }

  private writeMemory(offset: number, value: number, size: number): void {
    if (this.dispi.linear) {
      if (offset < 0x10000) this.writeLinear((this.dispi.bankOffset + offset) % this.memory.length, value, size);
      return;
    }
    if (!this.writePlain(offset, value, size))
      for (let i = 0; i < size; i++) this.writeByte(offset + i, (value >>> (i * 8)) & 0xff);
    this.touch();
  }

  /** The stores that pictures are made of: bytes as they are, chained to all four planes or in each plane that is enabled. False: it is another. */
  private writePlain(offset: number, value: number, size: number): boolean {
    const { r, words } = this;
    const { graphics, sequencer } = r;
    // Write mode 0 without set/reset, rotation, function or bit mask.
    if (
      graphics[GC_MODE] & 3 ||
      graphics[GC_ENABLE_SET_RESET] & 15 ||
      graphics[GC_DATA_ROTATE] ||
      graphics[GC_BIT_MASK] !== 0xff
    )
      return false;
    let at = this.decode(offset);
    if (at < 0) return false;
    if (sequencer[SEQ_MEMORY_MODE] & 8) {
      if (size !== 4 || at & 3 || (sequencer[SEQ_MAP_MASK] & 15) !== 15) return false;
      words[at & (PLANE_BYTES - 1)] = value;
      return true;
    }
    if (!(sequencer[SEQ_MEMORY_MODE] & 4)) return false;
    const select = PLANES[sequencer[SEQ_MAP_MASK] & 15];
    for (let i = 0; i < size; i++, at++) {
      const word = at & (PLANE_BYTES - 1);
      words[word] = (words[word] & ~select) | (Math.imul((value >>> (8 * i)) & 0xff, 0x01010101) & select);
    }
    return true;
  }

  private writeByte(offset: number, value: number): void {
    const { r } = this;
    const { graphics } = r;
    let at = this.decode(offset);
    if (at < 0) return;
    let planes = r.sequencer[SEQ_MAP_MASK] & 15;
    if (r.sequencer[SEQ_MEMORY_MODE] & 8) {
      planes &= 1 << (at & 3);
      at &= ~3;
    } else if (!(r.sequencer[SEQ_MEMORY_MODE] & 4)) {
      planes &= at & 1 ? 0b1010 : 0b0101;
      if (graphics[GC_MISCELLANEOUS] & 2) at &= ~1;
    }
    at &= PLANE_BYTES - 1;
    const mode = graphics[GC_MODE] & 3;
    let data: number;
    let bits = graphics[GC_BIT_MASK];
    if (mode === 1) data = r.latch;
    else {
      if (mode !== 2) {
        const rotate = graphics[GC_DATA_ROTATE] & 7;
        value = ((value >> rotate) | (value << (8 - rotate))) & 0xff;
      }
      if (mode === 0) {
        const enable = PLANES[graphics[GC_ENABLE_SET_RESET] & 15];
        data = (Math.imul(value, 0x01010101) & ~enable) | (PLANES[graphics[GC_SET_RESET] & 15] & enable);
      } else if (mode === 2) data = PLANES[value & 15];
      else {
        bits &= value;
        data = PLANES[graphics[GC_SET_RESET] & 15];
      }
      switch ((graphics[GC_DATA_ROTATE] >> 3) & 3) {
        case 1:
          data &= r.latch;
          break;
        case 2:
          data |= r.latch;
          break;
        case 3:
          data ^= r.latch;
          break;
        default:
      }
      const mask = Math.imul(bits, 0x01010101);
      data = (data & mask) | (r.latch & ~mask);
    }
    const select = PLANES[planes];
    this.words[at] = (this.words[at] & ~select) | (data & select);
  }

  // ---- registers

  /** CRT controller at 0x3Dx with miscellaneous output bit 0, else at 0x3Bx. */
  private crtcSelected(base: number): boolean {
    return (base === 0x3d0) === ((this.r.misc & 1) !== 0);
  }

  private readCrtc(base: number, offset: number): number {
    const { r } = this;
    if (!this.crtcSelected(base)) return 0xff;
    switch (offset) {
      case 0x4:
        return r.crtcIndex;
      case 0x5:
        return r.crtcIndex <= CRTC_LINE_COMPARE ? r.crtc[r.crtcIndex] : 0;
      case 0xa:
        // Input status 1; the read returns the attribute controller's flip-flop to the index.
        r.attributeData = false;
        return readRetrace(this.timing, this.clock.nowNs());
      default:
        return 0xff;
    }
  }

  private writeCrtc(base: number, offset: number, value: number): void {
    const { r } = this;
    if (!this.crtcSelected(base)) return;
    switch (offset) {
      case 0x4:
        r.crtcIndex = value & 0x1f;
        return;
      case 0x5: {
        const index = r.crtcIndex;
        if (index > CRTC_LINE_COMPARE) return;
        // Bit 7 of the vertical retrace end protects the registers up to the overflow, but for line compare's bit in that.
        if (index <= CRTC_OVERFLOW && r.crtc[CRTC_VERTICAL_RETRACE_END] & 0x80) {
          if (index === CRTC_OVERFLOW) r.crtc[CRTC_OVERFLOW] = (r.crtc[CRTC_OVERFLOW] & ~0x10) | (value & 0x10);
        } else r.crtc[index] = value;
        if (index < CRTC_START_ADDRESS_HIGH || index > CRTC_CURSOR_LOCATION_LOW) this.timing = timingOf(r);
        this.touch();
        return;
      }
      case 0xa:
        r.feature = value;
        return;
      default:
    }
  }

  private readPort(port: number): number {
    const { r } = this;
    switch (port) {
      case 0x3c0:
        return r.attributeIndex;
      case 0x3c1:
        return r.attribute[r.attributeIndex & 0x1f];
      case 0x3c2:
        // Input status 0: switch sense as with a colour display.
        return 0x10;
      case 0x3c4:
        return r.sequencerIndex;
      case 0x3c5:
        return r.sequencer[r.sequencerIndex];
      case 0x3c6:
        return r.dacMask;
      case 0x3c7:
        return r.dacReading ? 3 : 0;
      case 0x3c8:
        return r.dacWrite;
      case 0x3c9: {
        const value = r.dac[r.dacRead * 3 + r.dacStep];
        if (++r.dacStep === 3) {
          r.dacStep = 0;
          r.dacRead = (r.dacRead + 1) & 0xff;
        }
        return value;
      }
      case 0x3ca:
        return r.feature;
      case 0x3cc:
        return r.misc;
      case 0x3ce:
        return r.graphicsIndex;
      case 0x3cf:
        return r.graphics[r.graphicsIndex];
      default:
        return 0xff;
    }
  }

  private writePort(port: number, value: number): void {
    const { r } = this;
    switch (port) {
      case 0x3c0:
        this.writeAttribute(value);
        return;
      case 0x3c2:
        r.misc = value;
        this.timing = timingOf(r);
        break;
      case 0x3c4:
        r.sequencerIndex = value & 7;
        return;
      case 0x3c5:
        r.sequencer[r.sequencerIndex] = value;
        this.timing = timingOf(r);
        // The map mask is written before almost every planar store and shows nothing itself.
        if (r.sequencerIndex === SEQ_MAP_MASK) return;
        break;
      case 0x3c6:
        r.dacMask = value;
        break;
      case 0x3c7:
        r.dacRead = value;
        r.dacStep = 0;
        r.dacReading = true;
        return;
      case 0x3c8:
        r.dacWrite = value;
        r.dacStep = 0;
        r.dacReading = false;
        return;
      case 0x3c9:
        r.dac[r.dacWrite * 3 + r.dacStep] = this.dispi.dac8 ? value : value & 0x3f;
        if (++r.dacStep === 3) {
          r.dacStep = 0;
          r.dacWrite = (r.dacWrite + 1) & 0xff;
        }
        break;
      case 0x3ce:
        r.graphicsIndex = value & 15;
        return;
      case 0x3cf:
        r.graphics[r.graphicsIndex] = value;
        if (r.graphicsIndex !== GC_MODE && r.graphicsIndex !== GC_MISCELLANEOUS) return;
        break;
      default:
        return;
    }
    this.touch();
  }

  private writeAttribute(value: number): void {
    const { r } = this;
    if (!r.attributeData) {
      if ((r.attributeIndex ^ value) & 0x20) this.touch();
      r.attributeIndex = value & 0x3f;
    } else {
      const index = r.attributeIndex & 0x1f;
      // The palette registers can be written only while the processor owns them (index bit 5 clear).
      if (index >= 16 || !(r.attributeIndex & 0x20)) r.attribute[index] = index < 16 ? value & 0x3f : value;
      this.touch();
    }
    r.attributeData = !r.attributeData;
  }

  /** Registers, palette, font and cleared screen of BIOS mode 3 (80 x 25 text), for a machine that starts without a VGA BIOS. */
  setTextMode3(): void {
    const { r } = this;
    r.misc = MODE3.misc;
    r.sequencer.set(MODE3.sequencer);
    r.crtc.set(MODE3.crtc);
    r.graphics.set(MODE3.graphics);
    r.attribute.set(MODE3.attribute);
    r.attributeIndex = 0x20;
    r.dac.set(DEFAULT_DAC);
    r.dacMask = 0xff;
    for (let at = 0; at < 0x8000; at += 2) this.words[at] = (this.words[at] & 0xffff0000) | 0x0720;
    CP437_8X16.forEach((dots, i) => {
      this.memory[((i >> 4) * GLYPH_BYTES + (i & 15)) * 4 + FONT_PLANE] = dots;
    });
    this.timing = timingOf(r);
    this.touch();
  }

  /** A picture in BAR 0, for a machine that starts without a VGA BIOS; undefined (and text as before) where that cannot be. */
  setLinearMode(
    width: number,
    height: number,
    depth: number,
  ): { address: number; pitch: number; width: number; height: number; depth: number } | undefined {
    const { dispi, fn } = this;
    // Widths are those that planes can have too.
    if (!dispi.setLinear(width & ~7, height, [8, 15, 16, 24].includes(depth) ? depth : 32)) {
      dispi.setLinear(0, 0, 8);
      return undefined;
    }
    const address =
      ((fn.config[0x10] | (fn.config[0x11] << 8) | (fn.config[0x12] << 16) | (fn.config[0x13] << 24)) & ~15) >>> 0;
    return { address, pitch: dispi.pitch, width: dispi.width, height: dispi.height, depth: dispi.bpp };
  }

  get portRanges(): PortRange[] {
    return [this.ports, this.colourPorts, this.monoPorts, this.dispiPorts];
  }

  get memoryRanges(): MemoryRange[] {
    return [this.window];
  }

  /** Registers are cleared and nothing is shown until a BIOS sets a mode; memory keeps what it held. */
  reset(): void {
    resetState(this.r, initialRegisters());
    resetState(this.dispi.r, newDispi());
    this.timing = timingOf(this.r);
    this.touch();
  }

  save(): State {
    const memory = this.used.save();
    return { ...copyState(this.r), dispi: copyState(this.dispi.r), memory, deadlineNs: this.timer.deadlineNs };
  }

  restore(state: State): void {
    if (!this.used.restore(state.memory)) throw new StateError(this.name, 'memory', 'does not fit');
    assignState(this.name, this.dispi.r, subState(this.name, state, 'dispi'));
    assignState(this.name, this.r, state);
    this.timing = timingOf(this.r);
    this.timer.set(typeof state.deadlineNs === 'number' ? state.deadlineNs : Infinity);
    this.redraw = true;
    this.show();
  }

  peek(): State {
    return { ...copyState(this.r), dispi: copyState(this.dispi.r) };
  }
}
