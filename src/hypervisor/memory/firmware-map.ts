/**
 * Where a firmware image lies and what the PAM registers make of it: the second stage at 0xC0000-0xFFFFF and at the end of the 4 GiB.
 * Source: 82441FX (PMC) datasheet, order number 290549, 3.2.18 (programmable attribute map).
 * The second stage has one frame for reads and writes; where they part (reads ROM, writes RAM: how a BIOS is copied over itself) stores come here one by one.
 */
import { P2M_EXECUTE, P2M_READ, P2M_WRITE } from '../../cpu/architecture/index.ts';
import type { FlashArray } from '../../devices/index.ts';
import { type DomainRecord, FRAME_BYTES, FRAME_SHIFT, HostError, type Machine } from './machine.ts';
import type { SecondStage } from './second-stage.ts';

const FIRST = 0xc0,
  FRAMES = 0x40;
/** The copy below 1 MiB has 128 KiB at most (PIIX3 datasheet, XBCS: lower BIOS). */
const LOWER_BIOS = 0xe0;
const TOP = 0x100000;
const RIGHTS = P2M_READ | P2M_WRITE | P2M_EXECUTE,
  READ_ONLY = P2M_READ | P2M_EXECUTE;

/** A ROM; flash, which is one but for its device; or RAM at the end of the 4 GiB, as Xen's hvmloader puts OVMF there. */
export type FirmwareKind = 'rom' | 'flash' | 'ram';

export class FirmwareMap implements FlashArray {
  private readonly machine: Machine;
  private readonly owner: number;
  private readonly stage: SecondStage;
  /** Translations are stale. */
  private readonly onChange: () => void;
  /** Entries of the RAM at 0xC0000-0xFFFFF, seen or not. */
  private readonly ram: Int32Array;
  /** And of the ROM there; 0: none, reads give 0xFF. */
  private readonly rom = new Int32Array(FRAMES);
  private readonly writesRam = new Uint8Array(FRAMES);
  private image = new Int32Array(0);
  private readonly kind: FirmwareKind;
  /** A frame was written by a device. */
  private readonly written: (mfn: number) => void;

  /** The end of what is no RAM lies over the RAM below 1 MiB, too. */
  constructor(
    machine: Machine,
    record: DomainRecord,
    onChange: () => void,
    kind: FirmwareKind = 'rom',
    written: (mfn: number) => void = () => {},
  ) {
    this.kind = kind;
    this.written = written;
    this.machine = machine;
    this.owner = record.id;
    this.stage = machine.secondStage(record);
    this.onChange = onChange;
    this.ram = this.stage.words.slice(FIRST, FIRST + FRAMES);
  }

  private get isRom(): boolean {
    return this.kind !== 'ram';
  }

  /** Puts the image in, ending at 4 GiB, and hides the RAM that a ROM lies over, as at reset; flash keeps what it holds. @throws HostError */
  load(image: Uint8Array): void {
    const { machine, stage, rom } = this;
    if (stage.frames < TOP) throw new HostError('The domain was made without room for firmware below 4 GiB.');
    const frames = image.length >>> FRAME_SHIFT;
    const isNew = this.image.length !== frames;
    if (isNew) {
      const taken = machine.allocate(frames, this.owner);
      if (!taken) throw new HostError('The host has too little memory for the firmware.');
      this.image = taken as Int32Array<ArrayBuffer>;
      for (const mfn of this.image) machine.setDeviceFrame(mfn);
    }
    for (let i = 0; i < frames; i++) {
      const entry = (this.image[i] << FRAME_SHIFT) | (this.isRom ? READ_ONLY : RIGHTS);
      if (isNew || this.kind !== 'flash')
        machine.bytes.set(image.subarray(i * FRAME_BYTES, (i + 1) * FRAME_BYTES), this.image[i] * FRAME_BYTES);
      stage.put(TOP - frames + i, entry);
      const low = FIRST + FRAMES - frames + i;
      if (low >= LOWER_BIOS) rom[low - FIRST] = entry;
    }
    this.shadow(FIRST * FRAME_BYTES, FRAMES * FRAME_BYTES, false, false);
    this.onChange();
  }

  // ---- cells of a flash, as its device has them

  get length(): number {
    return this.image.length * FRAME_BYTES;
  }

  read(offset: number): number {
    return this.machine.bytes[this.image[offset >>> FRAME_SHIFT] * FRAME_BYTES + (offset & (FRAME_BYTES - 1))];
  }

  write(offset: number, from: Uint8Array): void {
    for (let at = offset; at < offset + from.length; ) {
      const mfn = this.image[at >>> FRAME_SHIFT];
      const within = at & (FRAME_BYTES - 1);
      const some = from.subarray(at - offset, at - offset + FRAME_BYTES - within);
      this.machine.bytes.set(some, mfn * FRAME_BYTES + within);
      this.written(mfn);
      at += some.length;
    }
  }

  show(cells: boolean): void {
    const first = TOP - this.image.length;
    this.image.forEach((mfn, i) => (cells ? this.stage.map(first + i, mfn, READ_ONLY) : this.stage.unmap(first + i)));
    this.onChange();
  }

  /** PAM registers of a range have changed (Shadowing of the host bridge). */
  readonly shadow = (base: number, length: number, readsRam: boolean, writesRam: boolean): void => {
    if (!this.isRom) return;
    for (let gfn = base >>> FRAME_SHIFT; gfn < (base + length) >>> FRAME_SHIFT; gfn++) {
      const i = gfn - FIRST;
      this.writesRam[i] = writesRam ? 1 : 0;
      if (!readsRam) this.stage.put(gfn, this.rom[i]);
      else this.stage.put(gfn, writesRam ? this.ram[i] : (this.ram[i] & ~RIGHTS) | READ_ONLY);
    }
    this.onChange();
  };

  /** Byte offset in machine memory where a store that the second stage does not let through goes; -1: it is lost. */
  writeOffset(address: number): number {
    const i = Math.floor(address / FRAME_BYTES) - FIRST;
    return i >= 0 && i < FRAMES && this.writesRam[i]
      ? (this.ram[i] & -FRAME_BYTES) + (address & (FRAME_BYTES - 1))
      : -1;
  }

  /** Whether ROM may lie over the RAM at a guest frame. */
  hides(gfn: number): boolean {
    return this.isRom && gfn >= FIRST && gfn < FIRST + FRAMES;
  }

  /** Entry of the RAM at a guest frame, also where ROM hides it. */
  ramEntry(gfn: number): number {
    return this.hides(gfn) ? this.ram[gfn - FIRST] : this.stage.entry(gfn);
  }
}
