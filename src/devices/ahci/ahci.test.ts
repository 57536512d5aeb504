import { BlockDevice, type BlockRequest, DeviceFull, type Done, MemoryDisk } from '../../formats/blocks/index.ts';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { TestLine, TestMemory } from '../testing.ts';
import { Ahci } from './ahci.ts';
import { ATA, ERROR_LOG, isQueued, LOG, type Request, SECTOR_BYTES, SENSE, TRIM, writeRequest } from './commands.ts';
import {
  CMD,
  DISK_SIGNATURE,
  GHC,
  HBA,
  HEADER,
  HEADER_BYTES,
  IS,
  PORT,
  PORTS,
  RECEIVED,
  REGION_BYTES,
  REGIONS,
  SSTS_UP,
} from './registers.ts';

const LIST = 0x1000,
  FISES = 0x1800,
  TABLES = 0x2000,
  TABLE_BYTES = 0x200,
  DATA = 0x10000;
const SECTORS = 4096;

/** Answers at once, or (`later`) when the test says so. */
class TestMedium extends BlockDevice {
  readonly data = new Uint8Array(SECTORS * SECTOR_BYTES);
  readonly bytes = this.data.length;
  private readonly disk = new MemoryDisk(this.data);
  error: Error | undefined;
  later: (() => void)[] | undefined;
  readonly done: string[] = [];

  request(request: BlockRequest, done: Done): void {
    const now = (): void => {
      const { op } = request;
      const sector = 'at' in request ? ` ${request.at / SECTOR_BYTES}` : '';
      this.done.push(`${op}${sector}${op === 'discard' ? ` ${request.bytes / SECTOR_BYTES}` : ''}`);
      if (this.error) done(this.error);
      else this.disk.request(request, done);
    };
    if (this.later) this.later.push(now);
    else now();
  }
}

/** Speaks to the adapter as a driver does. */
class Driver {
  readonly memory = new TestMemory(1 << 20);
  readonly view = new DataView(this.memory.bytes.buffer);
  readonly line = new TestLine();
  readonly adapter = new Ahci(this.line);
  readonly medium = new TestMedium();
  private readonly bars = (
    this.adapter.fn as unknown as {
      bars: { read(at: number, size: number): number; write(at: number, value: number, size: number): void }[];
    }
  ).bars;

  constructor() {
    this.adapter.fn.dma.lead(this.memory);
    this.adapter.fn.write(4, 6, 2);
    this.adapter.connect(this.medium, 'S1');
    this.begin();
  }

  begin(): void {
    this.set(HBA.GHC, GHC.INTERRUPTS);
    this.port(PORT.CLB, LIST);
    this.port(PORT.FB, FISES);
    this.port(PORT.SERR, 0xffffffff);
    this.port(PORT.IS, 0xffffffff);
    this.port(PORT.IE, 0xffffffff);
    this.port(PORT.CMD, CMD.FIS);
    this.port(PORT.CMD, CMD.FIS | CMD.START);
    this.set(HBA.IS, 1);
  }

  get(register: number): number {
    return this.bars[5]!.read(register, 4);
  }

  set(register: number, value: number): void {
    this.bars[5]!.write(register, value >>> 0, 4);
  }

  look(register: number): number {
    return this.get(PORTS + register);
  }

  port(register: number, value: number): void {
    this.set(PORTS + register, value);
  }

  /** Puts a command into a slot. */
  put(slot: number, request: Partial<Request> & { command: number }, regions: readonly [number, number][] = []): void {
    const whole = { features: 0, lba: 0, count: 0, ...request };
    const table = TABLES + slot * TABLE_BYTES;
    writeRequest(
      this.memory.bytes.subarray(table, table + 20),
      isQueued(whole.command) ? { ...whole, count: slot << 3 } : whole,
    );
    regions.forEach(([address, length], i) => {
      this.view.setUint32(table + REGIONS + i * REGION_BYTES, address, true);
      this.view.setUint32(table + REGIONS + i * REGION_BYTES + 12, length - 1, true);
    });
    const header = LIST + slot * HEADER_BYTES;
    this.view.setUint32(header, 5 | HEADER.WRITE | (regions.length << 16), true);
    this.view.setUint32(header + 4, 0xdead, true);
    this.view.setUint32(header + 8, table, true);
  }

  issue(slots: number, queued = true): void {
    if (queued) this.port(PORT.SACT, slots);
    this.port(PORT.CI, slots);
  }

  /** Runs one command that is not queued; PxTFD after it. */
  run(request: Partial<Request> & { command: number }, regions: readonly [number, number][] = []): number {
    this.put(0, request, regions);
    this.issue(1, false);
    return this.look(PORT.TFD);
  }
}

let driver: Driver;
beforeEach(() => {
  driver = new Driver();
});

describe('the AHCI adapter', () => {
  it('says what it is, and which disk is on its port', () => {
    expect([
      driver.get(HBA.PI),
      driver.get(HBA.VS).toString(16),
      (driver.get(HBA.CAP) >>> 8) & 31,
      driver.get(HBA.GHC) >>> 31,
    ]).toEqual([1, '10301', 31, 1]);
    expect([driver.look(PORT.SSTS), driver.look(PORT.SIG)]).toEqual([SSTS_UP, DISK_SIGNATURE]);
    expect(driver.run({ command: ATA.IDENTIFY }, [[DATA, 512]])).toBe(0x50);
    const words = new Uint16Array(driver.memory.bytes.buffer, DATA, 256);
    expect([words[100], words[75]! & 31, (words[76]! >>> 8) & 1, words[169]]).toEqual([SECTORS, 31, 1, 1]);
    expect([driver.look(PORT.IS) & IS.PIO, driver.line.level, driver.view.getUint32(LIST + 4, true)]).toEqual([
      IS.PIO,
      true,
      512,
    ]);
    driver.adapter.connect(undefined);
    expect([driver.look(PORT.SSTS), driver.look(PORT.IS) & IS.PHY]).toEqual([0, IS.PHY]);
  });

  it('moves what regions in any cut say, queued and not', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: SECTORS - 8 }),
        fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        fc.integer({ min: 0, max: 31 }),
        (lba, cut, queued, slot) => {
          const sectors = Math.ceil(cut.reduce((sum, length) => sum + length * 256, 0) / 512);
          const regions: [number, number][] = cut.map((length, i) => [DATA + i * 0x1000, length * 256]);
          // The last one may name more than is moved.
          regions[regions.length - 1]![1] += 256;
          const gather = (): number[] =>
            regions
              .flatMap(([address, length]) => [...driver.memory.bytes.subarray(address, address + length)])
              .slice(0, sectors * 512);
          for (const [address, length] of regions)
            for (let i = 0; i < length; i++) driver.memory.bytes[address + i] = lba + 7 * i;
          const sent = gather();
          driver.put(
            slot,
            {
              command: queued ? ATA.WRITE_QUEUED : ATA.WRITE_DMA_EXT,
              lba,
              ...(queued ? { features: sectors } : { count: sectors }),
            },
            regions,
          );
          driver.issue(1 << slot, queued);
          expect([driver.look(PORT.CI), driver.look(PORT.SACT), driver.look(PORT.TFD)]).toEqual([0, 0, 0x50]);
          expect([...driver.medium.data.subarray(lba * 512, (lba + sectors) * 512)]).toEqual(sent);
          driver.memory.bytes.fill(0, DATA, DATA + 0x8000);
          driver.put(
            slot,
            {
              command: queued ? ATA.READ_QUEUED : ATA.READ_DMA_EXT,
              lba,
              ...(queued ? { features: sectors } : { count: sectors }),
            },
            regions,
          );
          driver.issue(1 << slot, queued);
          expect(gather()).toEqual(sent);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('has queued commands end in any order, and interrupts for each until it is told that they were seen', () => {
    const { medium } = driver;
    medium.later = [];
    for (const slot of [0, 3, 31])
      driver.put(slot, { command: ATA.READ_QUEUED, lba: slot, features: 1 }, [[DATA + slot * 512, 512]]);
    driver.issue(1 | (1 << 3) | (1 << 31));
    expect([driver.look(PORT.CI), driver.look(PORT.SACT), medium.later.length]).toEqual([0, 0x80000009, 3]);
    medium.later[1]!();
    expect([driver.look(PORT.SACT), driver.look(PORT.IS), driver.line.level]).toEqual([0x80000001, IS.SDB, true]);
    expect([...driver.memory.bytes.subarray(FISES + RECEIVED.SDB, FISES + RECEIVED.SDB + 8)]).toEqual([
      0xa1, 0x40, 0x50, 0, 8, 0, 0, 0,
    ]);
    driver.port(PORT.IS, 0xffffffff);
    expect(driver.line.level).toBe(true);
    driver.set(HBA.IS, 1);
    expect(driver.line.level).toBe(false);
    medium.later[2]!();
    medium.later[0]!();
    expect([driver.look(PORT.SACT), driver.line.rises, driver.line.level]).toEqual([0, 2, true]);
  });

  it('has a command that is not queued wait until the disk is alone, and a flush end when its medium has', () => {
    const { medium } = driver;
    medium.later = [];
    driver.put(0, { command: ATA.WRITE_QUEUED, lba: 1, features: 1 }, [[DATA, 512]]);
    driver.put(1, { command: ATA.FLUSH_CACHE_EXT });
    driver.issue(1);
    driver.issue(2, false);
    expect([medium.later.length, driver.look(PORT.CI)]).toEqual([1, 2]);
    medium.later.shift()!();
    expect([medium.later.length, driver.look(PORT.CI), driver.look(PORT.TFD) & 0x80]).toEqual([1, 2, 0x80]);
    medium.later.shift()!();
    expect([medium.done, driver.look(PORT.CI), driver.look(PORT.IS) & IS.D2H]).toEqual([
      ['write 1', 'flush'],
      0,
      IS.D2H,
    ]);
  });

  it('stands after an error until it is stopped, and says which command failed and why', () => {
    driver.run({ command: ATA.SET_FEATURES, features: 0xc3, count: 1 });
    driver.put(0, { command: ATA.READ_QUEUED, lba: 5, features: 1 }, [[DATA, 512]]);
    driver.put(4, { command: ATA.READ_QUEUED, lba: SECTORS - 1, features: 2 }, [[DATA, 1024]]);
    driver.put(5, { command: ATA.READ_QUEUED, lba: 6, features: 1 }, [[DATA, 512]]);
    driver.issue(0x31);
    expect([
      driver.look(PORT.SACT),
      driver.look(PORT.IS) & IS.TASK_FILE,
      driver.look(PORT.TFD),
      driver.medium.done,
    ]).toEqual([0x30, IS.TASK_FILE, 0x1053, ['read 5']]);
    driver.port(PORT.CMD, CMD.FIS);
    expect([driver.look(PORT.SACT), driver.look(PORT.CI), driver.look(PORT.CMD) & CMD.RUNS]).toEqual([0, 0, 0]);
    driver.begin();
    driver.run({ command: ATA.READ_LOG_EXT, lba: ERROR_LOG, count: 1 }, [[DATA, 512]]);
    const log = driver.memory.bytes.subarray(DATA, DATA + 512);
    expect([
      log[LOG.TAG],
      (log[LOG.SENSE]! << 16) | (log[LOG.SENSE + 1]! << 8) | log[LOG.SENSE + 2]!,
      log.reduce((sum, byte) => (sum + byte) & 0xff, 0),
    ]).toEqual([4, SENSE.OUT_OF_RANGE, 0]);
    driver.medium.error = new DeviceFull('full');
    expect(driver.run({ command: ATA.FLUSH_CACHE_EXT }) & 1).toBe(1);
    driver.begin();
    driver.medium.error = undefined;
    driver.port(PORT.CMD, CMD.FIS);
    driver.begin();
    driver.run({ command: ATA.REQUEST_SENSE });
    expect(driver.view.getUint32(FISES + RECEIVED.D2H + 4, true) & 0xffffff).toBe(SENSE.NO_ROOM);
  });

  it('trims ranges that join as one, and none where one leaves the disk', () => {
    const range = (i: number, lba: number, sectors: number): void => {
      driver.view.setUint32(DATA + 8 * i, lba, true);
      driver.view.setUint16(DATA + 8 * i + 6, sectors, true);
    };
    range(0, 8, 100);
    range(1, 108, 20);
    range(2, 1000, 8);
    expect(driver.run({ command: ATA.DATA_SET_MANAGEMENT, features: TRIM, count: 1 }, [[DATA, 512]])).toBe(0x50);
    expect(driver.medium.done).toEqual(['discard 8 120', 'discard 1000 8']);
    range(3, SECTORS - 1, 2);
    expect(driver.run({ command: ATA.DATA_SET_MANAGEMENT, features: TRIM, count: 1 }, [[DATA, 512]]) & 1).toBe(1);
    expect(driver.medium.done.length).toBe(2);
  });

  it('writes through where its cache is off, and refuses what it does not know', () => {
    driver.run({ command: ATA.SET_FEATURES, features: 0x82 });
    driver.run({ command: ATA.WRITE_DMA_EXT, lba: 3, count: 1 }, [[DATA, 512]]);
    expect(driver.medium.done).toEqual(['flush', 'write 3', 'flush']);
    expect(driver.run({ command: 0xb0 })).toBe(0x0451);
  });

  it('asks a disk again for what it had not answered when it was saved, and forgets it when it is reset', () => {
    const { medium } = driver;
    medium.later = [];
    driver.memory.bytes.fill(9, DATA, DATA + 512);
    driver.put(7, { command: ATA.WRITE_QUEUED, lba: 2, features: 1 }, [[DATA, 512]]);
    driver.issue(1 << 7);
    const state = structuredClone(driver.adapter.save());
    const again = new Driver();
    again.memory.bytes.set(driver.memory.bytes);
    again.adapter.restore(state);
    expect([again.look(PORT.SACT), again.medium.data[1024]]).toEqual([0, 9]);
    expect(again.adapter.peek()).toMatchObject({ port: { IS: IS.SDB } });
    expect(() => again.adapter.restore({ ...state, port: {} })).toThrow('saved state of ahci port');
    driver.set(HBA.GHC, GHC.RESET);
    expect([driver.look(PORT.SACT), driver.look(PORT.CMD) & CMD.START, driver.line.level]).toEqual([0, 0, false]);
    medium.later[0]!();
    expect(driver.look(PORT.IS) & IS.SDB).toBe(0);
  });

  it('takes anything that is written to its registers and its tables', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 0x1ff }), fc.integer()), { maxLength: 60 }),
        fc.uint8Array({ minLength: 512, maxLength: 512 }),
        (writes, table) => {
          driver.memory.bytes.set(table, TABLES);
          driver.put(1, { command: table[0]!, lba: table[1]!, count: table[2]! }, [[DATA, 512]]);
          for (const [register, value] of writes) driver.set(register & ~3, value);
          driver.adapter.peek();
        },
      ),
      { numRuns: 100 },
    );
  });
});
