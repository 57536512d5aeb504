import { SlowDisk } from '../../formats/blocks/slow-disk.test-support.ts';
import { type BlockDevice, deviceOf, lengthOf, MemoryDisk } from '../../formats/blocks/index.ts';
import { beforeEach, describe, expect, it } from 'vitest';
import { testPc, type TestPc } from '../testing.ts';

// Promises are those of ATA/ATAPI-6, SFF-8038i (bus master) and MMC-3.
const SECTORS = 4_000;
let image: Uint8Array;
let disk: MemoryDisk;
let cd: MemoryDisk;
let t: TestPc;
const BSY = 0x80,
  DRQ = 8,
  ERR = 1;
/** Base of bus-master registers: what installTables assigned. */
const master = () => t.pc.pci.at(1, 1)!.get(0x20, 4) & 0xfff0;

function machine(primary: BlockDevice = disk): TestPc {
  const pc = testPc({
    ide: [
      { place: 0, kind: 'disk', disk: primary },
      { place: 2, kind: 'cdrom', disk: cd },
    ],
  });
  pc.pc.installTables();
  pc.out(0x21, 0xff);
  pc.out(0xa1, 0xff);
  return pc;
}

beforeEach(() => {
  image = new Uint8Array(SECTORS * 512);
  for (let i = 0; i < 2000; i++) new DataView(image.buffer).setUint32(i * 512, i, true);
  disk = new MemoryDisk(image);
  const iso = new Uint8Array(100 * 2048);
  for (let i = 0; i < 100; i++) iso[i * 2048] = i;
  cd = new MemoryDisk(iso, { sectorBytes: 2048, readOnly: true });
  t = machine();
});

const irq14 = () => {
  t.out(0xa0, 0x0a);
  return (t.in(0xa0) & 0x40) !== 0;
};
type Chs = [cylinder: number, head: number, sector: number];
function command(
  code: number,
  { lba = 0, count = 1, base = 0x1f0, feature = 0, chs = undefined as Chs | undefined } = {},
): void {
  t.out(base + 1, feature);
  t.out(base + 2, count);
  t.out(base + 3, chs ? chs[2] : lba & 0xff);
  t.out(base + 4, chs ? chs[0] & 0xff : (lba >> 8) & 0xff);
  t.out(base + 5, chs ? chs[0] >> 8 : (lba >> 16) & 0xff);
  t.out(base + 6, chs ? 0xa0 | chs[1] : 0xe0 | ((lba >> 24) & 15));
  t.out(base + 7, code);
}
const readWords = (count: number, base = 0x1f0) => Array.from({ length: count }, () => t.in(base, 2));
const dword = (words: number[]) => words[0] | (words[1] << 16);

describe('what fuzz:devices found', () => {
  it('a drive that was saved while SRST held it busy is busy in the machine that goes on', () => {
    t.out(0x3f6, 4);
    t.out(0x376, 4);
    const other = machine();
    other.pc.restore(t.pc.save());
    expect([other.in(0x3f6), other.in(0x376)]).toEqual([BSY, BSY]);
    other.out(0x3f6, 0);
    expect(other.in(0x3f6)).toBe(0x50);
  });

  it('a descriptor table above 2 GiB lies there, and not below 0', () => {
    const read: number[] = [];
    t = testPc({
      ide: [{ place: 0, kind: 'disk', disk }],
      dma: { read: (address, into) => void (read.push(address), into.fill(0)), write: () => {} },
    });
    t.pc.installTables();
    const base = master();
    t.out(base + 4, 0xf0001000, 4);
    command(0xc8);
    t.out(base, 9);
    expect([t.in(base + 4, 4), read[0]]).toEqual([0xf0001000, 0xf0001000]);
  });
});

describe('ATA disk', () => {
  it('shows its signature after reset and nothing as slave', () => {
    expect([2, 3, 4, 5].map(offset => t.in(0x1f0 + offset))).toEqual([1, 1, 0, 0]);
    expect(t.in(0x1f7)).toBe(0x50);
    t.out(0x1f6, 0xb0);
    expect(t.in(0x1f7)).toBe(0);
  });

  // ATA/ATAPI-6, 9.1 and table 4: DD7 is pulled down, so that nobody waits for BSY of a drive that is not there. QEMU reads zeros, of either drive, after a reset, too.
  it('shows no BSY where a channel has no drive', () => {
    const empty = testPc();
    const status = (): number[] => [0x1f7, 0x3f6, 0x177, 0x376].map(port => empty.in(port));
    expect(status()).toEqual([0, 0, 0, 0]);
    empty.out(0x1f6, 0xb0);
    expect(status()).toEqual([0, 0, 0, 0]);
    for (const value of [4, 0]) empty.out(0x3f6, value);
    expect(status()).toEqual([0, 0, 0, 0]);
  });

  it('IDENTIFY DEVICE: capacity in both widths, features, model', () => {
    command(0xec);
    expect(t.in(0x3f6)).toBe(0x58);
    const words = readWords(256);
    expect(words[60] | (words[61] << 16)).toBe(SECTORS);
    expect(words[100] | (words[101] << 16)).toBe(SECTORS);
    expect(words[49] & 0x300).toBe(0x300);
    expect(words[83] & 0xc400).toBe(0x4400);
    expect(String.fromCharCode(...words.slice(27, 47).flatMap(w => [w >> 8, w & 0xff])).trim()).toBe(
      'RINGSIDE HARDDISK',
    );
    expect(t.in(0x1f7) & (BSY | DRQ | ERR)).toBe(0);
  });

  it('READ SECTORS interrupts for each sector; the status read ends the interrupt, the alternate one does not', () => {
    command(0x20, { lba: 5, count: 2 });
    expect(irq14()).toBe(true);
    expect(t.in(0x3f6) & DRQ).toBe(DRQ);
    expect(irq14()).toBe(true);
    expect(t.in(0x1f7) & DRQ).toBe(DRQ);
    expect(irq14()).toBe(false);
    expect(dword(readWords(256))).toBe(5);
    expect(irq14()).toBe(true);
    expect(dword(readWords(256))).toBe(6);
    expect(t.in(0x1f7)).toBe(0x50);
    expect(t.in(0x1f3)).toBe(6);
  });

  it('a count of 0 is 256 sectors, and the data register takes doublewords', () => {
    command(0x20, { lba: 100, count: 0 });
    for (let i = 0; i < 256; i++) {
      expect(t.in(0x1f0, 4)).toBe(100 + i);
      for (let j = 1; j < 128; j++) t.in(0x1f0, 4);
    }
    expect(t.in(0x1f7)).toBe(0x50);
  });

  it('CHS addresses by 16 heads of 63 sectors, and by what INITIALIZE DEVICE PARAMETERS sets', () => {
    command(0x20, { chs: [1, 2, 3] });
    expect(dword(readWords(256))).toBe((1 * 16 + 2) * 63 + 2);
    t.out(0x1f2, 32);
    t.out(0x1f6, 0xa0 | 7);
    t.out(0x1f7, 0x91);
    command(0x20, { chs: [1, 2, 3] });
    expect(dword(readWords(256))).toBe((1 * 8 + 2) * 32 + 2);
    command(0x20, { chs: [0, 0, 0] });
    expect(t.in(0x1f7) & ERR).toBe(ERR);
    expect(t.in(0x1f1)).toBe(0x10);
  });

  it('WRITE SECTORS asks for the first block without an interrupt', () => {
    command(0x30, { lba: 50, count: 2 });
    expect(irq14()).toBe(false);
    expect(t.in(0x1f7) & DRQ).toBe(DRQ);
    for (let i = 0; i < 256; i++) t.out(0x1f0, 0x1111, 2);
    expect(irq14()).toBe(true);
    expect(t.in(0x1f7) & DRQ).toBe(DRQ);
    for (let i = 0; i < 256; i++) t.out(0x1f0, 0x2222, 2);
    expect(t.in(0x1f7)).toBe(0x50);
    expect([image[50 * 512], image[50 * 512 + 511], image[51 * 512], image[52 * 512]]).toEqual([0x11, 0x11, 0x22, 52]);
  });

  it('a write of many sectors interrupts for each, and asks the medium once for what the buffer holds', () => {
    const asked: number[] = [];
    const counting = disk.behind((request, done) => {
      asked.push(lengthOf(request));
      disk.request(request, done);
    });
    t = machine(counting);
    command(0x30, { lba: 100, count: 44 });
    for (let sector = 0; sector < 44; sector++) {
      expect([t.in(0x3f6), asked.length]).toEqual([0x58, 0]);
      t.in(0x1f7);
      expect(irq14()).toBe(false);
      for (let i = 0; i < 128; i++) t.out(0x1f0, sector + 1, 4);
      expect(irq14()).toBe(true);
    }
    expect([t.in(0x1f7), asked]).toEqual([0x50, [44 * 512]]);
    expect(Array.from({ length: 44 }, (_, i) => image[(100 + i) * 512])).toEqual(
      Array.from({ length: 44 }, (_, i) => i + 1),
    );
  });

  it('READ MULTIPLE moves the set number of sectors per interrupt', () => {
    command(0xc4, { count: 4 });
    expect(t.in(0x1f7) & ERR).toBe(ERR);
    command(0xc6, { count: 4 });
    expect(t.in(0x1f7) & ERR).toBe(0);
    command(0xc4, { lba: 10, count: 6 });
    expect(irq14()).toBe(true);
    t.in(0x1f7);
    readWords(4 * 256);
    expect(irq14()).toBe(true);
    t.in(0x1f7);
    expect(dword(readWords(2 * 256))).toBe(14);
    expect(irq14()).toBe(false);
    command(0xc6, { count: 3 });
    expect(t.in(0x1f1)).toBe(4);
  });

  it('reads in bulk for REP INS', () => {
    command(0x20, { lba: 7, count: 2 });
    const into = new Uint8Array(1024);
    expect(t.pc.bus.readPortBlock(0x1f0, 2, into)).toBe(512);
    expect(t.pc.bus.readPortBlock(0x1f0, 2, into.subarray(512))).toBe(512);
    expect([into[0], into[512]]).toEqual([7, 8]);
    expect(t.pc.bus.readPortBlock(0x1f0, 2, into)).toBe(0);
    expect(t.pc.bus.readPortBlock(0x60, 1, into)).toBe(0);
  });

  it('ends with IDNF past the last sector, ABRT for unknown commands', () => {
    command(0x20, { lba: SECTORS, count: 1 });
    expect([t.in(0x1f7) & ERR, t.in(0x1f1)]).toEqual([1, 0x10]);
    command(0x20, { lba: SECTORS - 1, count: 2 });
    expect([t.in(0x1f7) & ERR, t.in(0x1f1)]).toEqual([1, 0x10]);
    command(0xb0);
    expect([t.in(0x1f7) & ERR, t.in(0x1f1)]).toEqual([1, 4]);
  });

  it('48-bit addresses use the previous contents of the registers', () => {
    const write = (offset: number, high: number, low: number) => {
      t.out(0x1f0 + offset, high);
      t.out(0x1f0 + offset, low);
    };
    write(2, 0, 1);
    write(3, 0, 9);
    write(4, 0, 0);
    write(5, 0, 0);
    t.out(0x1f6, 0xe0);
    t.out(0x1f7, 0x24);
    expect(dword(readWords(256))).toBe(9);
    t.out(0x3f6, 0x80);
    expect(t.in(0x1f3)).toBe(0);
    write(3, 1, 9);
    t.out(0x1f7, 0x24);
    expect(t.in(0x1f1)).toBe(0x10);
  });

  it('nIEN silences the interrupt; SRST resets both drives', () => {
    t.out(0x3f6, 2);
    command(0x20);
    expect(irq14()).toBe(false);
    t.out(0x3f6, 4);
    expect(t.in(0x1f7)).toBe(0x80);
    t.out(0x3f6, 0);
    expect(t.in(0x1f7)).toBe(0x50);
    expect(t.in(0x1f1)).toBe(1);
  });

  it('refuses writes on a read-only disk', () => {
    t = machine(new MemoryDisk(image, { readOnly: true }));
    command(0x30);
    expect([t.in(0x1f7) & ERR, t.in(0x1f1)]).toEqual([1, 4]);
  });
});

describe('bus master', () => {
  const table = 0x1000;
  function descriptors(...list: [address: number, length: number][]): void {
    const view = new DataView(t.memory.bytes.buffer);
    list.forEach(([address, length], i) => {
      view.setUint32(table + 8 * i, address, true);
      view.setUint32(table + 8 * i + 4, length | (i === list.length - 1 ? 0x80000000 : 0), true);
    });
    t.out(master() + 4, table, 4);
  }

  it('READ DMA fills the physical regions and interrupts', () => {
    descriptors([0x20000, 512], [0x30000, 1024]);
    t.out(master(), 8);
    command(0xc8, { lba: 20, count: 3 });
    expect(irq14()).toBe(false);
    t.out(master(), 9);
    expect(irq14()).toBe(true);
    expect(t.in(master() + 2) & 7).toBe(4);
    const view = new DataView(t.memory.bytes.buffer);
    expect([0x20000, 0x30000, 0x30200].map(at => view.getUint32(at, true))).toEqual([20, 21, 22]);
    t.out(master(), 8);
    t.out(master() + 2, 4);
    expect(t.in(0x1f7)).toBe(0x50);
    expect(t.in(master() + 2) & 7).toBe(0);
  });

  it('WRITE DMA, 256 sectors from one 64-KiB region and another', () => {
    t.memory.bytes.fill(0x5a, 0x40000, 0x60000);
    descriptors([0x40000, 0], [0x50000, 0]);
    t.out(master(), 0);
    command(0xca, { lba: 1000, count: 0 });
    t.out(master(), 1);
    expect(t.in(0x1f7)).toBe(0x50);
    expect(image.subarray(1000 * 512, 1256 * 512).every(byte => byte === 0x5a)).toBe(true);
    expect(image[1256 * 512 + 1]).toBe(0x04);
  });

  it('stays active where the table describes more than the drive sent', () => {
    descriptors([0x20000, 4096]);
    command(0xc8, { lba: 0, count: 1 });
    t.out(master(), 9);
    expect(t.in(master() + 2) & 7).toBe(5);
    t.out(master(), 0);
    expect(t.in(master() + 2) & 1).toBe(0);
  });

  it('ends with an error for a table that is too short, also one that goes on for ever', () => {
    descriptors([0x20000, 512]);
    command(0xc8, { lba: 0, count: 2 });
    t.out(master(), 9);
    expect(t.in(master() + 2) & 3).toBe(2);
    expect(t.in(0x1f7) & ERR).toBe(ERR);
    t.out(master(), 0);
    new DataView(t.memory.bytes.buffer).setUint32(table + 4, 512, true);
    for (let i = 0; i < 8192; i++) t.memory.bytes.set([0, 0, 2, 0, 2, 0, 0, 0], table + 8 * i);
    command(0x20, { lba: 0 });
    command(0xc8, { lba: 0, count: 255 });
    t.out(master(), 9);
    expect(t.in(0x1f7) & ERR).toBe(ERR);
  });

  it('does nothing without the bus-master bit', () => {
    t.pc.pci.at(1, 1)!.write(4, 1, 2);
    descriptors([0x20000, 512]);
    command(0xc8);
    t.out(master(), 9);
    expect(t.in(0x1f7) & ERR).toBe(ERR);
  });
});

describe('a slow disk', () => {
  it('keeps BSY until the host answers, and a reset drops the answer; a saved request is asked for again', () => {
    const slow = new SlowDisk(image);
    const { waiting } = slow;
    t = machine(slow);
    command(0x20, { lba: 3 });
    expect(t.in(0x1f7)).toBe(0xd0);
    command(0x20, { lba: 99 });
    expect(waiting.length).toBe(1);
    const state = structuredClone(t.pc.save());
    waiting.shift()?.();
    expect(t.in(0x1f7)).toBe(0x58);
    expect(dword(readWords(256))).toBe(3);
    t = machine(slow);
    t.pc.restore(state);
    expect(t.in(0x3f6) & BSY).toBe(BSY);
    waiting.shift()?.();
    expect(dword(readWords(256))).toBe(3);
    command(0x20, { lba: 4 });
    t.out(0x3f6, 4);
    t.out(0x3f6, 0);
    waiting.shift()?.();
    expect(t.in(0x1f7)).toBe(0x50);
    command(0xe7);
    expect(t.in(0x1f7) & BSY).toBe(BSY);
    waiting.shift()?.();
    expect(t.in(0x1f7)).toBe(0x50);
  });

  it('may answer while the guest looks at the status, and only then is asked to', () => {
    let looks = 0;
    let answer = (): void => {};
    const settling: BlockDevice = Object.create(disk, {
      request: {
        value: ((request, done) => {
          answer = () => disk.request(request, done);
        }) satisfies BlockDevice['request'],
      },
      settle: {
        value: () => {
          if (++looks === 3) answer();
        },
      },
    });
    t = machine(settling);
    t.in(0x1f7);
    expect(looks).toBe(0);
    command(0x20, { lba: 7 });
    expect([t.in(0x3f6) & BSY, t.in(0x1f7) & BSY, t.in(0x3f6)]).toEqual([BSY, BSY, 0x58]);
    expect([dword(readWords(2)), looks]).toEqual([7, 3]);
    t.out(master() + 2, 0);
    expect(t.in(master() + 2) & 1).toBe(0);
    expect(looks).toBe(3);
  });

  it('reports what the medium cannot give as UNC', () => {
    t = machine(
      deviceOf(image.length, () => {
        throw new Error('A bad sector.');
      }),
    );
    command(0x20, { lba: 77 });
    expect([t.in(0x1f7) & ERR, t.in(0x1f1), t.in(0x1f3)]).toEqual([1, 0x40, 77]);
  });
});

describe('ATAPI CD-ROM', () => {
  function packet(bytes: number[], limit = 0xfffe, dma = false): void {
    t.out(0x171, dma ? 1 : 0);
    t.out(0x174, limit & 0xff);
    t.out(0x175, limit >> 8);
    t.out(0x176, 0xa0);
    t.out(0x177, 0xa0);
    const cdb = [...bytes, ...new Array<number>(12 - bytes.length).fill(0)];
    for (let i = 0; i < 12; i += 2) t.out(0x170, cdb[i] | (cdb[i + 1] << 8), 2);
  }
  const take = () => {
    const bytes: number[] = [];
    while (t.in(0x177) & DRQ) {
      const count = t.in(0x174) | (t.in(0x175) << 8);
      for (let i = 0; i < count; i += 2) {
        const word = t.in(0x170, 2);
        bytes.push(word & 0xff, word >> 8);
      }
    }
    return bytes;
  };
  const sense = () => {
    packet([3, 0, 0, 0, 18]);
    const bytes = take();
    return [bytes[2], bytes[12], bytes[13]];
  };

  it('has the packet signature, aborts IDENTIFY DEVICE, answers IDENTIFY PACKET DEVICE', () => {
    t.out(0x176, 0xa0);
    expect([t.in(0x174), t.in(0x175)]).toEqual([0x14, 0xeb]);
    t.out(0x177, 0xec);
    expect(t.in(0x177) & ERR).toBe(ERR);
    expect([t.in(0x174), t.in(0x175)]).toEqual([0x14, 0xeb]);
    t.out(0x177, 0xa1);
    const words = readWords(256, 0x170);
    expect(words[0]).toBe(0x85c0);
  });

  it('reports unit attention once, then is ready', () => {
    packet([0]);
    expect(t.in(0x177) & ERR).toBe(ERR);
    expect(t.in(0x171) >> 4).toBe(6);
    expect(sense()).toEqual([6, 0x29, 0]);
    packet([0]);
    expect(t.in(0x177) & ERR).toBe(0);
  });

  it('INQUIRY, capacity, TOC', () => {
    packet([0x12, 0, 0, 0, 36]);
    const inquiry = take();
    expect([inquiry[0], inquiry[1], inquiry.length]).toEqual([5, 0x80, 36]);
    packet([0]);
    packet([0x25]);
    expect(take()).toEqual([0, 0, 0, 99, 0, 0, 8, 0]);
    packet([0x43, 2, 0, 0, 0, 0, 0, 0, 20]);
    expect(take().slice(0, 12)).toEqual([0, 18, 1, 1, 0, 0x14, 1, 0, 0, 0, 2, 0]);
  });

  it('READ(10) in blocks of the byte count limit', () => {
    packet([0]);
    packet([0x28, 0, 0, 0, 0, 10, 0, 0, 3], 2048);
    expect(t.in(0x172)).toBe(2);
    expect(t.in(0x174) | (t.in(0x175) << 8)).toBe(2048);
    const bytes = take();
    expect(bytes.length).toBe(3 * 2048);
    expect([0, 2048, 4096].map(at => bytes[at])).toEqual([10, 11, 12]);
    expect(t.in(0x172)).toBe(3);
  });

  it('READ(12) by DMA', () => {
    packet([0]);
    const view = new DataView(t.memory.bytes.buffer);
    view.setUint32(0x1000, 0x20000, true);
    view.setUint32(0x1004, 0x80000000 | 4096, true);
    t.out(master() + 12, 0x1000, 4);
    packet([0xa8, 0, 0, 0, 0, 20, 0, 0, 0, 2], 0, true);
    t.out(master() + 8, 9);
    expect(t.in(master() + 10) & 7).toBe(4);
    expect(t.in(0x177)).toBe(0x50);
    expect([t.memory.bytes[0x20000], t.memory.bytes[0x20800]]).toEqual([20, 21]);
  });

  it('media change: no medium, then another one announces itself', () => {
    packet([0]);
    const drive = t.pc.ide.cdrom(2)!;
    packet([0x1e, 0, 0, 0, 1]);
    expect(drive.eject()).toBe(false);
    packet([0x1e, 0, 0, 0, 0]);
    expect(drive.eject()).toBe(true);
    packet([0]);
    expect(sense()).toEqual([2, 0x3a, 0]);
    packet([0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8]);
    expect(take()).toEqual([0, 6, 4, 0x10, 3, 0, 0, 0]);
    drive.insert(new MemoryDisk(new Uint8Array(2048 * 7), { sectorBytes: 2048 }));
    packet([0]);
    expect(sense()).toEqual([6, 0x28, 0]);
    packet([0x25]);
    expect(take()[3]).toBe(6);
  });

  it('refuses addresses past the end and unknown commands with sense data', () => {
    packet([0]);
    packet([0x28, 0, 0, 0, 0, 100, 0, 0, 1]);
    expect(sense()).toEqual([5, 0x21, 0]);
    packet([0xff]);
    expect(sense()).toEqual([5, 0x20, 0]);
  });
});
