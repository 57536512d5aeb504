import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { type BlockDevice, MemoryDisk } from '../../formats/blocks/index.ts';
import { SlowDisk } from '../../formats/blocks/slow-disk.test-support.ts';
import type { State } from '../bus.ts';
import { PCI } from '../pci/pci.ts';
import { StateError } from '../state.ts';
import { VirtioBlk } from './blk.ts';
import { COMMON, CONFIG, ISR, LEGACY, MODERN, type Piece, TABLE, VirtioDriver } from './driver.test-support.ts';

// Promises are those of VIRTIO 1.2: 2.1 to 2.7, 4.1 and 5.2.
const SECTORS = 256;
const FLUSH = 1 << 9,
  DISCARD = 1 << 13,
  WRITE_ZEROES = 1 << 14,
  INDIRECT = 1 << 28,
  EVENT_IDX = 1 << 29;
const NEEDS_RESET = 0x40;

let image: Uint8Array;
let disk: MemoryDisk;
let d: VirtioDriver;

const driving = (medium: BlockDevice = disk, timers?: VirtioDriver['timers']): VirtioDriver =>
  new VirtioDriver(parts => new VirtioBlk({ ...parts, disk: medium, name: 'virtio-blk0', serial: 'RS1' }), timers);

beforeEach(() => {
  image = Uint8Array.from({ length: SECTORS * 512 }, (_, i) => (i >> 9) + 7 * i);
  disk = new MemoryDisk(image.slice());
  d = driving();
});

function header(type: number, sector = 0): Piece {
  const view = new DataView(new ArrayBuffer(16));
  view.setUint32(0, type, true);
  view.setUint32(8, sector, true);
  return { bytes: new Uint8Array(view.buffer) };
}

/** One request; returns its status and what it has read. */
function request(type: number, sector: number, pieces: Piece[], isIndirect = false, of = d): [number, Uint8Array] {
  const before = of.used(0).length;
  const places = of.chain(0, 0, [header(type, sector), ...pieces, { room: 1 }], isIndirect);
  of.memory.bytes[places.at(-1)!] = 0x55;
  of.offer(0, 0);
  if (of.used(0).length === before) return [-1, new Uint8Array(0)];
  const read = pieces.flatMap(({ room }, i) =>
    room === undefined ? [] : [...of.memory.bytes.subarray(places[i + 1]!, places[i + 1]! + room)],
  );
  return [of.memory.bytes[places.at(-1)!]!, Uint8Array.from(read)];
}

/** Large memories, which are compared in no time. */
const isSame = (a: Uint8Array, b: Uint8Array): boolean => Buffer.from(a.buffer).equals(Buffer.from(b.buffer));

const at = (sector: number, sectors = 1): Uint8Array => image.slice(sector * 512, (sector + sectors) * 512);

it('a disk that has another length tells its driver so by an interrupt, and is read to its new end', () => {
  let bytes = disk.bytes;
  const growing = Object.defineProperty(
    disk.behind((asked, done) => disk.request(asked, done)),
    'bytes',
    {
      get: () => bytes,
    },
  );
  const of = driving(growing);
  of.begin(1);
  expect(request(0, SECTORS - 1, [{ room: 512 }], false, of)[0]).toBe(0);
  expect(of.read(ISR, 1)).toBe(1);
  bytes -= 512;
  (of.device as VirtioBlk).resized();
  expect([of.line.level, of.read(ISR, 1), of.read(CONFIG, 4)]).toEqual([true, 2, SECTORS - 1]);
  expect(request(0, SECTORS - 1, [{ room: 512 }], false, of)[0]).toBe(1);
});

describe('the transport', () => {
  it('is a transitional device: identifiers, BARs, capabilities', () => {
    const { fn } = d.device;
    expect([fn.get(PCI.VENDOR, 2), fn.get(PCI.DEVICE, 2), fn.get(PCI.REVISION, 1)]).toEqual([0x1af4, 0x1001, 0]);
    expect([fn.get(PCI.SUBSYSTEM, 2), fn.get(PCI.INTERRUPT_PIN, 1)]).toEqual([2, 1]);
    const found: number[][] = [];
    for (let cap = fn.get(PCI.CAPABILITIES, 1); cap !== 0; cap = fn.get(cap + 1, 1))
      if (fn.get(cap, 1) === 9)
        found.push([fn.get(cap + 3, 1), fn.get(cap + 2, 1), fn.get(cap + 4, 1), fn.get(cap + 8, 4)]);
    expect(found).toEqual([
      [1, 16, 4, 0],
      [3, 16, 4, 0x1000],
      [4, 16, 4, 0x2000],
      [2, 20, 4, 0x3000],
      [5, 20, 0, 0],
    ]);
  });

  it('agrees to what it offers, with VIRTIO 1, and to nothing else', () => {
    const [low, high] = d.offers();
    expect(high).toBe(1);
    expect(d.agree(low)).toBe(true);
    expect(d.agree(low, 0)).toBe(false);
    expect(d.agree(low | (1 << 4))).toBe(false);
    expect(d.agree(low, 3)).toBe(false);
    // What was agreed to stays, until a status of 0.
    expect(d.agree(FLUSH)).toBe(true);
    d.write(COMMON + 8, 0);
    d.write(COMMON + 12, 0);
    expect(d.read(COMMON + 12)).toBe(FLUSH);
    d.status = 0;
    expect([d.status, d.read(COMMON + 12)]).toEqual([0, 0]);
  });

  it('gives sizes, addresses and vectors back, and takes no vector or size that is not there', () => {
    d.agree(0);
    d.write(COMMON + 0x16, 0, 2);
    expect([d.read(COMMON + 0x18, 2), d.read(COMMON + 0x12, 2)]).toEqual([256, 1]);
    d.write(COMMON + 0x18, 100, 2);
    expect(d.read(COMMON + 0x18, 2)).toBe(256);
    d.write(COMMON + 0x20, 0x89abc000);
    d.write(COMMON + 0x24, 1);
    expect([d.read(COMMON + 0x20), d.read(COMMON + 0x24)]).toEqual([0x89abc000, 1]);
    d.write(COMMON + 0x1a, 1, 2);
    d.write(COMMON + 0x10, 2, 2);
    expect([d.read(COMMON + 0x1a, 2), d.read(COMMON + 0x10, 2)]).toEqual([1, 0xffff]);
    d.write(COMMON + 0x16, 1, 2);
    expect(d.read(COMMON + 0x18, 2)).toBe(0);
  });

  it('uses no buffer before the driver drives it, and all that wait then', () => {
    d.agree(0);
    d.enable(0);
    d.chain(0, 0, [header(0), { room: 512 }, { room: 1 }]);
    d.offer(0, 0);
    expect(d.used(0)).toEqual([]);
    d.status = 15;
    expect(d.used(0)).toEqual([[0, 513]]);
  });

  it('interrupts by its pin until the status is read, and by messages where those are on', () => {
    d.begin(1);
    request(0, 0, [{ room: 512 }]);
    expect(d.line.level).toBe(true);
    expect([d.read(ISR, 1), d.line.level, d.read(ISR, 1)]).toEqual([1, false, 0]);
    request(0, 0, [{ room: 512 }]);
    d.device.fn.write(PCI.COMMAND, 0x407, 2);
    expect(d.line.level).toBe(false);
    d.device.fn.write(PCI.COMMAND, 7, 2);
    expect([d.line.level, d.read(ISR, 1)]).toEqual([true, 1]);
    // Vector 1, which says 0x61.
    const messages = d.device.fn.get(PCI.CAPABILITIES, 1);
    d.device.fn.write(messages + 2, 0x8000, 2);
    d.write(TABLE + 16, 0xfee00000);
    d.write(TABLE + 16 + 8, 0x61);
    d.write(TABLE + 16 + 12, 0);
    d.write(COMMON + 0x16, 0, 2);
    d.write(COMMON + 0x1a, 1, 2);
    request(0, 0, [{ room: 512 }]);
    expect([d.messages, d.line.level, d.read(ISR, 1)]).toEqual([[0x61], false, 0]);
  });

  it('tells nobody who does not want it: flags of the ring, or an index', () => {
    d.begin(1);
    d.view.setUint16(d.ring(0).driver, 1, true);
    request(0, 0, [{ room: 512 }]);
    expect(d.line.level).toBe(false);
    d.memory.bytes.fill(0);
    d.begin(1, EVENT_IDX);
    // Tell me when the third is given back.
    d.view.setUint16(d.ring(0).driver + 4 + 2 * d.size, 2, true);
    const told = [1, 2, 3].map(() => {
      request(0, 0, [{ room: 512 }]);
      return d.line.level;
    });
    expect(told).toEqual([false, false, true]);
    // And the device wants to hear of the fourth.
    expect(d.view.getUint16(d.ring(0).device + 4 + 8 * d.size, true)).toBe(3);
  });

  it('has a window in configuration space for who reaches no memory', () => {
    const { fn } = d.device;
    let cap = fn.get(PCI.CAPABILITIES, 1);
    while (fn.get(cap + 3, 1) !== 5 || fn.get(cap, 1) !== 9) cap = fn.get(cap + 1, 1);
    const reach = (offset: number, length: number): void => {
      fn.write(cap + 4, 4, 1);
      fn.write(cap + 8, offset, 4);
      fn.write(cap + 12, length, 4);
    };
    reach(0x14, 1);
    fn.write(cap + 16, 3, 1);
    expect([d.status, fn.read(cap + 16, 1)]).toEqual([3, 3]);
    reach(0x2000, 4);
    expect(fn.read(cap + 16, 4)).toBe(SECTORS);
    // Nothing is reached beyond the BAR.
    reach(0x4000, 4);
    fn.write(cap + 16, 0, 4);
    expect(d.status).toBe(3);
  });
});

describe('the disk', () => {
  it('tells its size, and reads what lies there in whatever pieces', () => {
    d.begin(1);
    expect([d.read(CONFIG), d.read(CONFIG + 4), d.read(CONFIG + 20)]).toEqual([SECTORS, 0, 512]);
    expect(request(0, 3, [{ room: 100 }, { room: 412 }, { room: 512 }])).toEqual([0, at(3, 2)]);
    expect(d.used(0)).toEqual([[0, 1025]]);
  });

  it('writes', () => {
    d.begin(1, FLUSH | INDIRECT);
    const bytes = Uint8Array.from({ length: 1024 }, (_, i) => 3 * i);
    expect(request(1, 8, [{ bytes: bytes.subarray(0, 600) }, { bytes: bytes.subarray(600) }], true)[0]).toBe(0);
    expect(request(4, 0, [])[0]).toBe(0);
    const read = new Uint8Array(1024);
    disk.read(8 * 512, read);
    expect(read).toEqual(bytes);
  });

  it('takes header and data in one piece, and data and status', () => {
    d.begin(1);
    const bytes = new Uint8Array(16 + 512).fill(9);
    bytes.set(header(1, 5).bytes!);
    d.chain(0, 0, [{ bytes }, { room: 1 }]);
    d.offer(0, 0);
    expect(d.used(0)).toEqual([[0, 1]]);
    expect(request(0, 5, [{ room: 512 }])[1]).toEqual(new Uint8Array(512).fill(9));
  });

  it('says what it is called, discards and zeroes', () => {
    expect(d.agree(DISCARD)).toBe(false);
    d = driving(Object.assign(new MemoryDisk(image.slice()), { discards: true }));
    d.begin(1, DISCARD | WRITE_ZEROES);
    expect(String.fromCharCode(...request(8, 0, [{ room: 20 }])[1].subarray(0, 4))).toBe('RS1\0');
    const segment = (sector: number, sectors: number, flags = 0): Piece => {
      const view = new DataView(new ArrayBuffer(16));
      view.setUint32(0, sector, true);
      view.setUint32(8, sectors, true);
      view.setUint32(12, flags, true);
      return { bytes: new Uint8Array(view.buffer) };
    };
    expect(request(13, 0, [segment(2, 2)])[0]).toBe(0);
    expect(request(0, 1, [{ room: 2048 }])[1]).toEqual(Uint8Array.from([...at(1), ...new Uint8Array(1024), ...at(4)]));
    expect(request(11, 0, [segment(0, 1)])[0]).toBe(0);
    expect(request(11, 0, [segment(0, 1, 1)])[0]).toBe(2);
    expect(request(13, 0, [segment(SECTORS - 1, 2)])[0]).toBe(1);
  });

  it('refuses what leaves the disk, is no sector, or is no request', () => {
    d.begin(1);
    expect(request(0, SECTORS - 1, [{ room: 1024 }])[0]).toBe(1);
    expect(request(0, 0, [{ room: 511 }])[0]).toBe(1);
    expect(request(1, SECTORS, [{ bytes: new Uint8Array(512) }])[0]).toBe(1);
    expect(request(77, 0, [])[0]).toBe(2);
    // Not agreed to.
    expect(request(13, 0, [{ bytes: new Uint8Array(16) }])[0]).toBe(2);
    const before = new Uint8Array(SECTORS * 512);
    disk.read(0, before);
    expect(isSame(before, image)).toBe(true);
  });

  it('is not written where it is read only', () => {
    d = driving(new MemoryDisk(image, { readOnly: true }));
    expect(d.offers()[0] & 0x20).toBe(0x20);
    d.begin(1);
    expect(request(1, 0, [{ bytes: new Uint8Array(512) }])[0]).toBe(1);
  });
});

describe('an older driver', () => {
  it('has one block for all rings, and finds the configuration behind its registers', () => {
    const { bus } = d;
    const out = (offset: number, value: number, size: number) => bus.writePort(LEGACY + offset, value, size);
    expect(bus.readPort(LEGACY + 0x14, 4)).toBe(SECTORS);
    d.device.fn.write(d.device.fn.get(PCI.CAPABILITIES, 1) + 2, 0x8000, 2);
    expect([bus.readPort(LEGACY + 0x14, 2), bus.readPort(LEGACY + 0x18, 4)]).toEqual([0xffff, SECTORS]);
    d.device.fn.write(d.device.fn.get(PCI.CAPABILITIES, 1) + 2, 0, 2);
    out(0x12, 0, 1);
    out(0x12, 3, 1);
    out(4, 0xffffffff, 4);
    // Bit 5, read only, is not offered.
    expect(bus.readPort(LEGACY + 4, 4) & 0x20).toBe(0);
    out(4, 0, 4);
    out(0xe, 0, 2);
    expect(bus.readPort(LEGACY + 0xc, 2)).toBe(256);
    out(8, 0x10, 4);
    expect(bus.readPort(LEGACY + 8, 4)).toBe(0x10);
    // 256 descriptors, the driver's ring behind them, the device's on the next page.
    const [driver, device] = [0x11000, 0x12000];
    const [head, , status] = d.chain(0, 0, [header(0, 6), { room: 512 }, { room: 1 }]);
    d.memory.bytes.copyWithin(0x10000, d.ring(0).descriptors, d.ring(0).descriptors + 48);
    d.view.setUint16(driver + 4, 0, true);
    d.view.setUint16(driver + 2, 1, true);
    d.memory.bytes[status!] = 0x55;
    out(0x10, 0, 2);
    expect([d.view.getUint16(device + 2, true), d.memory.bytes[status!]]).toEqual([1, 0]);
    expect(d.memory.bytes.subarray(head! + 16 + 64, head! + 16 + 64 + 512)).toEqual(at(6));
    expect([bus.readPort(LEGACY + 0x13, 1), d.line.level]).toEqual([1, false]);
    out(8, 0, 4);
    expect(bus.readPort(LEGACY + 8, 4)).toBe(0);
  });
});

describe('a driver that breaks its rings', () => {
  const broken: Record<string, () => void> = {
    'an index that runs ahead': () => d.view.setUint16(d.ring(0).driver + 2, d.size + 1, true),
    'a head that is no descriptor': () => d.offer(0, d.size, false),
    'a loop': () => {
      d.descriptor(0, 0, 0x20000, 16, 1, 1);
      d.descriptor(0, 1, 0x20000, 16, 1, 0);
      d.offer(0, 0, false);
    },
    'a next that is no descriptor': () => {
      d.descriptor(0, 0, 0x20000, 16, 1, 0xffff);
      d.offer(0, 0, false);
    },
    'readable behind writable': () => {
      d.descriptor(0, 0, 0x20000, 16, 3, 1);
      d.descriptor(0, 1, 0x20000, 16, 0);
      d.offer(0, 0, false);
    },
    'an indirect table within one': () => {
      d.put(0x30000, 0x30000, 16, 4, 0);
      d.descriptor(0, 0, 0x30000, 16, 4);
      d.offer(0, 0, false);
    },
    'an indirect table of no whole descriptors': () => {
      d.descriptor(0, 0, 0x30000, 17, 4);
      d.offer(0, 0, false);
    },
    'an indirect table with a next': () => {
      d.descriptor(0, 0, 0x30000, 16, 5, 1);
      d.offer(0, 0, false);
    },
    'more than 4 GiB': () => {
      for (let i = 0; i < 3; i++) d.descriptor(0, i, 0, 0xffffffff, i < 2 ? 1 : 0, i + 1);
      d.offer(0, 0, false);
    },
    'no room for a header': () => {
      d.descriptor(0, 0, 0x20000, 15, 1, 1);
      d.descriptor(0, 1, 0x20000, 1, 2);
      d.offer(0, 0, false);
    },
    'no room for a status': () => {
      d.descriptor(0, 0, 0x20000, 16, 0);
      d.offer(0, 0, false);
    },
    'rings where no memory is': () => d.write(COMMON + 0x24, 1),
  };

  it.each(Object.keys(broken))('by %s has to reset the device, and nothing else changes', what => {
    d.begin(1, INDIRECT);
    if (what === 'rings where no memory is') {
      d.agree(0);
      d.write(COMMON + 0x16, 0, 2);
      d.write(COMMON + 0x2c, 0x7fffffff);
      d.write(COMMON + 0x1c, 1, 2);
      d.status = 15;
    } else broken[what]!();
    const before = d.memory.bytes.slice();
    d.read(ISR, 1);
    d.notify(0);
    expect(d.status & NEEDS_RESET).toBe(NEEDS_RESET);
    if (what !== 'rings where no memory is') expect(d.read(ISR, 1)).toBe(2);
    expect(isSame(d.memory.bytes, before)).toBe(true);
    // It stays so, whatever the driver writes but a reset.
    d.status = 15;
    d.notify(0);
    expect([d.status, isSame(d.memory.bytes, before)]).toEqual([15 | NEEDS_RESET, true]);
    d.memory.bytes.fill(0);
    d.begin(1);
    expect(request(0, 1, [{ room: 512 }])).toEqual([0, at(1)]);
  });

  it('and reads into its own ring has its turn end', () => {
    // Sectors of ones: the index is always ahead by what is allowed.
    const evil = new VirtioDriver(
      parts =>
        new VirtioBlk({
          ...parts,
          disk: new MemoryDisk(new Uint8Array(SECTORS * 512)),
          name: 'virtio-blk0',
          serial: '',
        }),
    );
    evil.begin(1);
    const { driver } = evil.ring(0);
    evil.chain(0, 0, [header(0), { room: 512, at: driver }, { room: 1 }]);
    evil.view.setUint16(driver + 2, 1, true);
    evil.notify(0);
    expect([evil.status & NEEDS_RESET, evil.used(0).length]).toEqual([NEEDS_RESET, 1]);
  });

  it('by whatever is in memory harms nobody', () => {
    fc.assert(
      fc.property(fc.infiniteStream(fc.nat(255)), fc.array(fc.nat(0xffff), { maxLength: 40 }), (bytes, words) => {
        const victim = driving();
        victim.begin(1, INDIRECT | EVENT_IDX);
        const { descriptors } = victim.ring(0);
        for (let i = 0; i < 16 * 16; i++) victim.memory.bytes[descriptors + i] = bytes.next().value;
        words.forEach((word, i) => victim.view.setUint16(victim.ring(0).driver + 2 * i, word % 40, true));
        victim.notify(0);
        for (const word of words) victim.bus.writeMemory(MODERN + (word & 0x3fff), word, 4);
        victim.timers.advanceMs(1);
        victim.device.reset();
        victim.memory.bytes.fill(0);
        victim.begin(1);
        return request(0, 1, [{ room: 512 }], false, victim)[0] === 0;
      }),
      { numRuns: 200, seed: 46 },
    );
  });
});

describe('a disk that answers later', () => {
  it('is seen as its device sees it: what waits, what is at the disk, what was answered, and who was told how often', () => {
    const slow = new SlowDisk(image);
    d = driving(slow);
    d.begin(1, FLUSH | EVENT_IDX);
    for (let i = 0; i < 5; i++) {
      d.chain(0, 3 * i, [header(0, i), { room: 512 }, { room: 1 }]);
      d.offer(0, 3 * i, i < 4);
    }
    slow.waiting.shift()!();
    const [queue] = d.device.looks();
    expect(queue).toMatchObject({
      name: '',
      size: d.size,
      available: { index: 5, event: 0 },
      used: { index: 1 },
      taken: 5,
      given: 1,
      counts: { kicks: 4, taken: 5, given: 1, offered: [1, 2, 3, 4] },
    });
    expect(queue!.chains.slice(0, 5).map(({ head, pieces }) => [head, pieces.length])).toEqual([
      [0, 0],
      [3, 3],
      [6, 3],
      [9, 3],
      [12, 3],
    ]);
    expect(queue!.chains[1]!.pieces.map(({ length, isWritten }) => [length, isWritten])).toEqual([
      [16, false],
      [512, true],
      [1, true],
    ]);
    expect(queue!.elements[0]).toEqual({ id: 0, written: 513 });
    d.status = 0;
    expect(d.device.looks()).toEqual([]);
  });

  it('has four requests at a time, and gives each back when it is done', () => {
    const slow = new SlowDisk(image);
    d = driving(slow);
    d.begin(1);
    for (let i = 0; i < 5; i++) {
      d.chain(0, 3 * i, [header(0, i), { room: 512 }, { room: 1 }]);
      d.offer(0, 3 * i);
    }
    expect([d.used(0), slow.waiting.length]).toEqual([[], 4]);
    while (slow.waiting.length > 0) slow.waiting.shift()!();
    expect(d.used(0).map(([head]) => head)).toEqual([0, 3, 6, 9, 12]);
  });

  it('comes back from a saved state with what was under way', () => {
    const slow = new SlowDisk(image);
    d = driving(slow);
    d.begin(1);
    const [, data, status] = d.chain(0, 4, [header(0, 9), { room: 512 }, { room: 1 }]);
    d.memory.bytes[status!] = 0x55;
    d.offer(0, 4);
    const [bus, state] = [d.pci.save(), d.device.save()];
    const other = driving();
    other.memory.bytes.set(d.memory.bytes);
    other.pci.restore(bus);
    other.device.restore(state);
    expect(other.device.peek()).toMatchObject({ status: 15, own: { underWay: [4] } });
    expect(other.used(0)).toEqual([]);
    other.timers.advanceMs(1);
    expect([other.used(0), other.memory.bytes[status!]]).toEqual([[[4, 513]], 0]);
    expect(other.memory.bytes.subarray(data, data! + 512)).toEqual(at(9));
    // The one that was saved goes on, too; after a reset an answer is dropped.
    d.status = 0;
    slow.waiting[0]!();
    expect(d.memory.bytes[status!]).toBe(0x55);
  });

  it.each([0, 1.5, -8, 3, 512, Number.NaN, '8', undefined])('takes no saved queue of %s descriptors', size => {
    const state = d.device.save();
    const [queue] = state.queues as State[];
    queue!.size = size;
    expect(() => driving().device.restore(state)).toThrow(StateError);
  });
});
