import { SlowDisk } from '../../formats/blocks/slow-disk.test-support.ts';
import { MemoryDisk, type BlockDevice } from '../../formats/blocks/index.ts';
import { beforeEach, describe, expect, it } from 'vitest';
import { I8237 } from '../i8237.ts';
import { TestLine, TestMemory, testPc, TestTimers } from '../testing.ts';
import { FloppyController } from './fdc.ts';
import { driveType, FLOPPY_FORMATS, floppyFormat, floppyProblem } from './formats.ts';

const READ = 0xe6,
  WRITE = 0xc5,
  FORMAT = 0x4d,
  READ_ID = 0x4a,
  VERIFY = 0xf6,
  VERSION = 0x10,
  DUMPREG = 0x0e,
  LOCK = 0x94,
  UNLOCK = 0x14;
const SENSE_INTERRUPT = 0x08,
  RECALIBRATE = 0x07,
  SEEK = 0x0f,
  SENSE_DRIVE = 0x04,
  SPECIFY = 0x03,
  CONFIGURE = 0x13;
const DMA_AT = 0x8000,
  BYTES_1440 = 1474560;
/** CCR for 1.44 MB; motor of A on, DMA and interrupts on. */
const RATE_500 = 0,
  DOR_A = 0x1c;

/** An image whose sectors say which they are. */
function image(bytes = BYTES_1440): Uint8Array {
  const data = new Uint8Array(bytes);
  for (let sector = 0; sector < bytes / 512; sector++)
    data.fill(sector & 0xff, sector * 512, (sector + 1) * 512).set([sector >> 8, sector & 0xff], sector * 512);
  return data;
}

class Driver {
  readonly timers = new TestTimers();
  readonly line = new TestLine();
  readonly memory = new TestMemory(1 << 20);
  readonly dma = new I8237(this.memory);
  readonly data: Uint8Array;
  readonly fdc: FloppyController;

  constructor({
    data = image(),
    readOnly = false,
    disk,
    likeQemu = false,
  }: { data?: Uint8Array; readOnly?: boolean; disk?: BlockDevice | null; likeQemu?: boolean } = {}) {
    this.data = data;
    this.dma.setFirmwareDefaults();
    this.fdc = new FloppyController(
      this.timers,
      this.line,
      this.dma.channel(2),
      [{ unit: 0, disk: disk === undefined ? new MemoryDisk(data, { readOnly }) : disk }],
      likeQemu,
    );
  }

  private range(port: number) {
    return this.fdc.portRanges.find(({ base, count }) => port >= base && port < base + count)!;
  }

  out(port: number, value: number): void {
    this.range(port).write(port - this.range(port).base, value, 1);
  }

  in(port: number): number {
    return this.range(port).read(port - this.range(port).base, 1);
  }

  send(...bytes: number[]): void {
    for (const byte of bytes) {
      this.timers.advanceNs(1000);
      expect(this.in(0x3f4) & 0xc0).toBe(0x80);
      this.out(0x3f5, byte);
    }
  }

  result(): number[] {
    const bytes: number[] = [];
    for (this.timers.advanceNs(1000); (this.in(0x3f4) & 0xc0) === 0xc0; this.timers.advanceNs(1000))
      bytes.push(this.in(0x3f5));
    return bytes;
  }

  ask(...bytes: number[]): number[] {
    this.send(...bytes);
    return this.result();
  }

  /** Out of reset, drive A running, the disk's rate set. */
  start(rate = RATE_500): void {
    this.out(0x3f2, 0);
    this.out(0x3f2, DOR_A);
    this.timers.advanceMs(1);
    expect(this.line.level).toBe(true);
    for (let unit = 0; unit < 4; unit++) expect(this.ask(SENSE_INTERRUPT)).toEqual([0xc0 | unit, 0]);
    this.ask(SPECIFY, 0xdf, 0x02);
    this.out(0x3f7, rate);
  }

  /** Channel 2 for this many bytes at DMA_AT: 46h to memory, 4Ah from it. */
  setUp(mode: number, bytes: number): void {
    const [first, , pages] = this.dma.portRanges;
    const values = [
      [10, 6],
      [12, 0],
      [11, mode],
      [4, DMA_AT & 0xff],
      [4, DMA_AT >> 8],
      [5, (bytes - 1) & 0xff],
      [5, (bytes - 1) >> 8],
      [10, 2],
    ];
    for (const [register, value] of values) first.write(register, value, 1);
    pages.write(0, 0, 1);
  }

  /** A command on data with DMA, waited for. */
  data9(
    command: number,
    [c, h, r]: [number, number, number],
    eot: number,
    { bytes = 512, mode = 0x46 } = {},
  ): number[] {
    this.setUp(mode, bytes);
    this.send(command, h << 2, c, h, r, 2, eot, 0x1b, 0xff);
    this.timers.advanceMs(10);
    return this.result();
  }

  seek(cylinder: number): void {
    this.send(SEEK, 0, cylinder);
    this.timers.advanceMs(10);
    expect(this.ask(SENSE_INTERRUPT)).toEqual([0x20, cylinder]);
  }

  at(sector: number): Uint8Array {
    return this.data.subarray(sector * 512, (sector + 1) * 512);
  }

  get moved(): Uint8Array {
    return this.memory.bytes.subarray(DMA_AT, DMA_AT + 0x8000);
  }
}

describe('82077AA', () => {
  let fdc: Driver;
  beforeEach(() => {
    fdc = new Driver();
  });

  it('comes out of reset with an interrupt and four drives that changed, and says what it is as Linux asks', () => {
    fdc.start();
    expect(fdc.ask(VERSION)).toEqual([0x90]);
    // DUMPREG with ten bytes, CONFIGURE and PERPENDICULAR taken, UNLOCK 0, PARTID unknown: an 82077.
    expect(fdc.ask(DUMPREG)).toHaveLength(10);
    fdc.send(CONFIGURE, 0, 0x1a, 0);
    fdc.send(0x12, 0);
    expect([fdc.ask(UNLOCK), fdc.ask(0x18)]).toEqual([[0], [0x80]]);
    expect(fdc.ask(SENSE_INTERRUPT)).toEqual([0x80]);
    expect([fdc.in(0x3f0), fdc.in(0x3f1), fdc.in(0x3f4)]).toEqual([0xff, 0xff, 0x80]);
  });

  it('keeps what LOCK locks through a software reset, not through the pin', () => {
    fdc.start();
    fdc.send(CONFIGURE, 0, 0x57, 5);
    expect(fdc.ask(LOCK)).toEqual([0x10]);
    fdc.out(0x3f4, 0x80);
    expect(fdc.in(0x3f4)).toBe(0);
    fdc.timers.advanceMs(1);
    expect(fdc.ask(DUMPREG).slice(7)).toEqual([0x80, 0x57, 5]);
    // Polling is off: nothing interrupts.
    expect(fdc.line.level).toBe(false);
    fdc.fdc.reset();
    fdc.start();
    expect(fdc.ask(DUMPREG).slice(7)).toEqual([0, 0x20, 0]);
  });

  it('reads sectors by DMA, from both sides with MT, and says where it stands', () => {
    fdc.start();
    expect(fdc.data9(READ, [0, 0, 3], 18)).toEqual([0, 0, 0, 0, 0, 4, 2]);
    expect(fdc.moved.subarray(0, 512)).toEqual(fdc.at(2));
    expect(fdc.line.level).toBe(false);
    fdc.seek(7);
    // Sectors 17 and 18 of side 0, then the first of side 1.
    expect(fdc.data9(READ, [7, 0, 17], 18, { bytes: 3 * 512 })).toEqual([0x04, 0, 0, 7, 1, 2, 2]);
    expect(fdc.moved.subarray(0, 3 * 512)).toEqual(fdc.data.subarray((7 * 36 + 16) * 512, (7 * 36 + 19) * 512));
    // A whole cylinder: terminal count and its end together are no error.
    expect(fdc.data9(READ, [7, 0, 1], 18, { bytes: 36 * 512 })).toEqual([0x04, 0, 0, 8, 0, 1, 2]);
  });

  it('interrupts at the result, and takes that back when it is read', () => {
    fdc.start();
    fdc.setUp(0x46, 512);
    fdc.send(READ, 0, 0, 0, 1, 2, 18, 0x1b, 0xff);
    expect([fdc.in(0x3f4), fdc.line.level]).toEqual([0x10, false]);
    fdc.timers.advanceMs(1);
    expect([fdc.in(0x3f4), fdc.line.level]).toEqual([0xd0, true]);
    fdc.in(0x3f5);
    expect(fdc.line.level).toBe(false);
  });

  it('ends at the end of the cylinder where DMA wants more, and with an overrun where it takes none', () => {
    fdc.start();
    expect(fdc.data9(0x66, [0, 0, 18], 18, { bytes: 1024 })).toEqual([0x40, 0x80, 0, 1, 0, 1, 2]);
    expect(fdc.data9(READ, [0, 0, 1], 18, { mode: 0x4a })).toEqual([0x40, 0x10, 0, 0, 0, 1, 2]);
  });

  // hw/block/fdc.c, fdctrl_seek_to_next_sect: SeaBIOS gives one command for all sectors of an INT 13h.
  it('where the machine is QEMU’s, goes on over the end of a cylinder with MT, and ends at that of the disk', () => {
    const qemus = new Driver({ likeQemu: true });
    qemus.start();
    expect(qemus.data9(READ, [0, 0, 2], 18, { bytes: 64 * 512 })).toEqual([0x04, 0, 0, 1, 1, 12, 2]);
    expect(qemus.moved.subarray(0, 64 * 512)).toEqual(qemus.data.subarray(512, 65 * 512));
    // SeaBIOS's EOT: the sector that it begins with and all that it wants.
    qemus.seek(0);
    expect(qemus.data9(READ, [0, 0, 2], 65, { bytes: 64 * 512 })).toEqual([0x04, 0, 0, 1, 1, 12, 2]);
    // Without MT it ends with its track.
    expect(qemus.data9(0x66, [1, 1, 18], 18, { bytes: 1024 }).slice(0, 2)).toEqual([0x44, 0x80]);
    qemus.seek(79);
    expect(qemus.data9(READ, [79, 1, 18], 18, { bytes: 1024 }).slice(0, 2)).toEqual([0x44, 0x80]);
  });

  it('finds no sector that is not there, no mark at another rate or density, and none on the wrong cylinder', () => {
    fdc.start();
    expect(fdc.data9(READ, [0, 0, 19], 19).slice(0, 3)).toEqual([0x40, 0x04, 0]);
    expect(fdc.data9(READ, [5, 0, 1], 18).slice(0, 3)).toEqual([0x40, 0x04, 0x10]);
    expect(fdc.data9(0xa6, [0, 0, 1], 18).slice(0, 3)).toEqual([0x40, 0x01, 0]);
    fdc.out(0x3f7, 2);
    expect(fdc.data9(READ, [0, 0, 1], 18).slice(0, 3)).toEqual([0x40, 0x01, 0]);
  });

  it('writes by DMA, with zeros where terminal count cuts a sector, unless the disk is protected', () => {
    fdc.start();
    fdc.moved.fill(0x5a, 0, 700);
    expect(fdc.data9(WRITE, [0, 1, 1], 18, { mode: 0x4a, bytes: 700 })).toEqual([0x04, 0, 0, 0, 1, 3, 2]);
    expect([fdc.at(18).every(byte => byte === 0x5a), fdc.at(19)[187], fdc.at(19)[188], fdc.at(19)[511]]).toEqual([
      true,
      0x5a,
      0,
      0,
    ]);
    const other = new Driver({ readOnly: true });
    other.start();
    expect(other.data9(WRITE, [0, 0, 1], 18, { mode: 0x4a }).slice(0, 3)).toEqual([0x40, 0x02, 0]);
    expect(other.ask(SENSE_DRIVE, 0)).toEqual([0x78]);
    expect(fdc.ask(SENSE_DRIVE, 4)).toEqual([0x3c]);
  });

  it('formats a track as the image has it, and no other', () => {
    fdc.start();
    fdc.seek(2);
    const format = (sectors: number, n = 2): number[] => {
      for (let i = 0; i < sectors; i++) fdc.moved.set([2, 1, i + 1, 2], 4 * i);
      fdc.setUp(0x4a, sectors * 4);
      fdc.send(FORMAT, 4, n, sectors, 0x54, 0xf6);
      fdc.timers.advanceMs(1);
      return fdc.result().slice(0, 3);
    };
    expect(format(18)).toEqual([0x04, 0, 0]);
    expect(fdc.data.subarray((2 * 36 + 18) * 512, 3 * 36 * 512).every(byte => byte === 0xf6)).toBe(true);
    expect(fdc.at(3 * 36)[2]).toBe((3 * 36) & 0xff);
    expect([format(9), format(18, 3)]).toEqual([
      [0x44, 4, 0],
      [0x44, 4, 0],
    ]);
  });

  it('verifies, reads identifiers, and compares', () => {
    fdc.start();
    fdc.send(VERIFY, 0x80, 0, 0, 17, 2, 18, 0x1b, 3);
    fdc.timers.advanceMs(1);
    expect(fdc.result().slice(0, 3)).toEqual([0x04, 0, 0]);
    fdc.send(VERIFY & ~0x80, 0, 0, 0, 1, 2, 19, 0x1b, 0xff);
    fdc.timers.advanceMs(2);
    expect(fdc.result().slice(0, 3)).toEqual([0x40, 4, 0]);
    fdc.send(READ_ID, 4);
    fdc.timers.advanceMs(1);
    const [st0, st1, st2, c, h, r, n] = fdc.result();
    expect([st0, st1, st2, c, h, n]).toEqual([0x04, 0, 0, 0, 1, 2]);
    expect(r >= 1 && r <= 18).toBe(true);
    fdc.moved.set(fdc.at(1));
    expect(fdc.data9(0xd1, [0, 0, 2], 18, { mode: 0x4a }).slice(0, 3)).toEqual([0, 0, 0x08]);
    fdc.moved[5] ^= 1;
    expect(fdc.data9(0xd1, [0, 0, 2], 18, { mode: 0x4a }).slice(0, 3)).toEqual([0, 0, 0x04]);
  });

  it('seeks and recalibrates, says so by SENSE INTERRUPT STATUS, and finds no track 0 where there is no drive', () => {
    fdc.start();
    fdc.send(SEEK, 0, 40);
    expect(fdc.in(0x3f4) & 1).toBe(1);
    fdc.timers.advanceMs(10);
    expect([fdc.in(0x3f4) & 1, fdc.line.level]).toEqual([0, true]);
    expect(fdc.ask(SENSE_INTERRUPT)).toEqual([0x20, 40]);
    expect(fdc.ask(SENSE_DRIVE, 0)).toEqual([0x28]);
    // Relative: up 2.
    fdc.send(0xcf, 0, 2);
    fdc.timers.advanceMs(10);
    expect(fdc.ask(SENSE_INTERRUPT)).toEqual([0x20, 42]);
    fdc.send(RECALIBRATE, 0);
    fdc.timers.advanceMs(10);
    expect(fdc.ask(SENSE_INTERRUPT)).toEqual([0x20, 0]);
    fdc.send(RECALIBRATE, 1);
    fdc.timers.advanceMs(10);
    expect(fdc.ask(SENSE_INTERRUPT)).toEqual([0x71, 0]);
  });

  it('shows a new disk until the head moves, and waits for an index without one until it is reset', () => {
    fdc.start();
    expect(fdc.in(0x3f7) & 0x80).toBe(0x80);
    fdc.seek(1);
    expect(fdc.in(0x3f7) & 0x80).toBe(0);
    fdc.fdc.insert(0, null);
    expect(fdc.in(0x3f7) & 0x80).toBe(0x80);
    fdc.seek(0);
    expect(fdc.in(0x3f7) & 0x80).toBe(0x80);
    fdc.send(READ_ID, 0);
    fdc.timers.advanceMs(5000);
    expect([fdc.in(0x3f4), fdc.line.level]).toEqual([0x10, false]);
    fdc.start();
    fdc.fdc.insert(0, new MemoryDisk(fdc.data));
    fdc.seek(3);
    expect(fdc.in(0x3f7) & 0x80).toBe(0);
    expect(fdc.data9(READ, [3, 0, 1], 18)[0]).toBe(0);
  });

  it('gives and takes bytes through the FIFO without DMA, and ends with the cylinder', () => {
    fdc.start();
    fdc.ask(SPECIFY, 0xdf, 0x03);
    fdc.send(0x66, 0, 0, 0, 17, 2, 18, 0x1b, 0xff);
    const bytes: number[] = [];
    for (let i = 0; i < 1024; i++) {
      fdc.timers.advanceNs(100_000);
      expect(fdc.in(0x3f4)).toBe(0xf0);
      bytes.push(fdc.in(0x3f5));
    }
    fdc.timers.advanceNs(100_000);
    expect(bytes).toEqual([...fdc.data.subarray(16 * 512, 18 * 512)]);
    expect(fdc.result()).toEqual([0x40, 0x80, 0, 1, 0, 1, 2]);
    fdc.send(0x45, 0, 0, 0, 18, 2, 18, 0x1b, 0xff);
    for (let i = 0; i < 512; i++) {
      fdc.timers.advanceNs(100_000);
      expect(fdc.in(0x3f4)).toBe(0xb0);
      fdc.out(0x3f5, i);
    }
    fdc.timers.advanceNs(100_000);
    expect(fdc.result()[1]).toBe(0x80);
    expect([...fdc.at(17)]).toEqual(Array.from({ length: 512 }, (_, i) => i & 0xff));
  });

  it('is saved while a disk takes its time, and the sector comes in the machine that goes on', () => {
    const data = image();
    const slow = new SlowDisk(data);
    const { waiting } = slow;
    const first = new Driver({ data, disk: slow });
    first.start();
    first.setUp(0x46, 512);
    first.send(READ, 0, 0, 0, 5, 2, 18, 0x1b, 0xff);
    first.timers.advanceMs(1);
    expect(waiting).toHaveLength(1);
    const state = structuredClone(first.fdc.save());
    fdc.dma.restore(first.dma.save());
    fdc.timers.advanceNs(first.timers.test.ns);
    fdc.fdc.restore(state);
    fdc.timers.advanceMs(1);
    expect(fdc.result()).toEqual([0, 0, 0, 0, 0, 6, 2]);
    expect(fdc.moved.subarray(0, 512)).toEqual(fdc.at(4));
    // What comes after a reset is nobody's.
    first.out(0x3f2, 0);
    for (const done of waiting) done();
    expect([first.line.level, first.in(0x3f4)]).toEqual([false, 0]);
    expect(() => fdc.fdc.restore({ ...state, dor: 'x' })).toThrow('saved state of fdc: dor');
  });

  it.each(
    FLOPPY_FORMATS.map(format => [`${(format.cylinders * format.heads * format.sectors) / 2} KiB`, format] as const),
  )('reads the last sector of a disk of %s', (_name, format) => {
    const data = image(format.cylinders * format.heads * format.sectors * 512);
    const disk = new Driver({ data });
    disk.start([500, 300, 250, 1000].indexOf(format.rate));
    disk.seek(format.cylinders - 1);
    expect(disk.data9(0x66, [format.cylinders - 1, format.heads - 1, format.sectors], format.sectors)[1]).toBe(0);
    expect(disk.moved.subarray(0, 512)).toEqual(data.subarray(-512));
  });
});

describe('a floppy image', () => {
  it('that is cut off behind its last used sector reads as zeros from there, and refuses to be written there', () => {
    const data = image(10 * 512);
    const disk = new Driver({ data });
    disk.start(0);
    expect(disk.data9(0x66, [0, 0, 10], 11)[1]).toBe(0);
    expect(disk.moved.subarray(0, 1024)).toEqual(Uint8Array.from([...data.subarray(-512), ...new Uint8Array(512)]));
    expect(disk.data9(0x45, [0, 0, 11], 11)[1]).not.toBe(0);
  });

  it('has one of sixteen sizes; others are refused with them', () => {
    expect(floppyFormat(BYTES_1440)).toMatchObject({ cylinders: 80, heads: 2, sectors: 18 });
    expect(floppyProblem(BYTES_1440)).toBeUndefined();
    // What is cut off behind the last used sector is the beginning of a disk.
    expect([512, 1_296_384, 1_500_160].map(bytes => floppyFormat(bytes)?.sectors)).toEqual([18, 18, 36]);
    // Not in whole sectors, too: `cat boot.bin kernel.bin > os.img`.
    expect(floppyFormat(1000)?.sectors).toBe(18);
    expect([0, 3_000_320].map(bytes => floppyFormat(bytes))).toEqual([undefined, undefined]);
    expect(floppyProblem(3_000_320)).toBe(
      'has 3000320 bytes, and a floppy disk has 160, 180, 320, 360, 720, 800, 820, 1200, 1440, 1476, 1600, 1640, 1680, 1722, 1743 or 2880 KiB, or is the beginning of one. Give an image of one of these sizes, or attach it as a disk.',
    );
    expect([
      driveType(undefined),
      driveType(null),
      driveType({ bytes: 368640 }),
      driveType({ bytes: 2949120 }),
    ]).toEqual([0, 4, 1, 5]);
    expect(() => new Driver({ data: new Uint8Array(2880 * 1024 + 512) })).toThrow(RangeError);
  });

  it('is in drive A of a PC, with CMOS and equipment to match; without floppies the controller is there alone', () => {
    const { pc } = testPc({ ide: [{ place: 4, kind: 'floppy', disk: new MemoryDisk(image()) }] });
    expect([pc.rtc.cmos(0x10), pc.rtc.cmos(0x14)]).toEqual([0x40, 0x07]);
    const two = testPc({
      ide: [
        { place: 4, kind: 'floppy', disk: null },
        { place: 5, kind: 'floppy', disk: new MemoryDisk(image(737280)) },
      ],
    });
    expect([two.pc.rtc.cmos(0x10), two.pc.rtc.cmos(0x14)]).toEqual([0x44, 0x47]);
    const none = testPc();
    expect([none.pc.rtc.cmos(0x10), none.pc.rtc.cmos(0x14), none.in(0x3f4)]).toEqual([0, 0x06, 0]);
  });
});
