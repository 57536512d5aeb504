import { beforeEach, describe, expect, it } from 'vitest';
import { IoBus } from '../io-bus.ts';
import { testPc } from '../testing.ts';
import { MSIX_CAPABILITY, MsiX } from './msi-x.ts';
import { PCI, PciBus, PciFunction } from './pci.ts';

// Promises are those of PCI Local Bus Specification 3.0, 6.8.2, and SDM vol. 3, 11.11.
const VECTORS = 3,
  TABLE = 0xe0000000,
  PENDING = TABLE + 2048;
const noReset = { base: 0, count: 1, read: () => 0, write: () => {} };
const identity = { vendor: 1, device: 2, class: 0, interruptPin: 1 };

let bus: IoBus;
let pci: PciBus;
let fn: PciFunction;
let msix: MsiX;
let sent: [address: number, data: number][];
const capability = () => fn.get(PCI.CAPABILITIES, 1);
const control = (bits: number) => fn.write(capability() + 2, bits, 2);
const entry = (vector: number, field: number, value: number) =>
  bus.writeMemory(TABLE + 16 * vector + 4 * field, value, 4);

function build(): void {
  bus = new IoBus();
  sent = [];
  fn = new PciFunction('test', identity);
  msix = new MsiX(fn, VECTORS, 1);
  pci = new PciBus(bus, noReset, undefined, (address, data) => sent.push([address, data]));
  pci.add(5, 0, fn);
}

beforeEach(() => {
  build();
  fn.write(PCI.BAR0 + 4, TABLE, 4);
  fn.write(PCI.COMMAND, 6, 2);
  for (let vector = 0; vector < VECTORS; vector++) {
    entry(vector, 0, 0xfee00000 + 0x1000 * vector);
    entry(vector, 2, 0x40 + vector);
  }
});

describe('MSI-X', () => {
  it('is a capability: so many vectors, table and waiting bits in a BAR', () => {
    expect(fn.get(PCI.STATUS, 2) & 0x10).toBe(0x10);
    const at = capability();
    expect([fn.get(at, 1), fn.get(at + 1, 1)]).toEqual([MSIX_CAPABILITY, 0]);
    expect(fn.get(at + 2, 2)).toBe(VECTORS - 1);
    expect([fn.get(at + 4, 4), fn.get(at + 8, 4)]).toEqual([1, 2048 | 1]);
    // Table size and offsets cannot be written.
    fn.write(at, 0xffffffff, 4);
    fn.write(at + 4, 0xffffffff, 4);
    expect([fn.get(at, 4), fn.get(at + 4, 4)]).toEqual([0xc0020000 + MSIX_CAPABILITY, 1]);
  });

  it('masks every vector after reset', () => {
    control(0x8000);
    for (let vector = 0; vector < VECTORS; vector++) expect(bus.readMemory(TABLE + 16 * vector + 12, 4)).toBe(1);
    msix.signal(0);
    expect(sent).toEqual([]);
  });

  it('sends what the table says, only where it is enabled', () => {
    entry(1, 3, 0);
    msix.signal(1);
    expect([sent, msix.enabled]).toEqual([[], false]);
    control(0x8000);
    msix.signal(1);
    msix.signal(VECTORS);
    expect([sent, msix.enabled]).toEqual([[[0xfee01000, 0x41]], true]);
  });

  it('sends nothing while the function may not master the bus', () => {
    control(0x8000);
    entry(0, 3, 0);
    fn.write(PCI.COMMAND, 2, 2);
    msix.signal(0);
    expect(sent).toEqual([]);
  });

  it('keeps what is masked as waiting, and sends it once when it is unmasked', () => {
    control(0x8000);
    msix.signal(2);
    msix.signal(2);
    expect([sent, bus.readMemory(PENDING, 4)]).toEqual([[], 4]);
    entry(2, 3, 0);
    expect([sent, bus.readMemory(PENDING, 4)]).toEqual([[[0xfee02000, 0x42]], 0]);
    // The mask of the whole function.
    control(0xc000);
    msix.signal(2);
    expect([sent.length, bus.readMemory(PENDING, 4)]).toEqual([1, 4]);
    control(0x8000);
    expect([sent.length, bus.readMemory(PENDING, 4)]).toEqual([2, 0]);
  });

  it('comes back with the bus as it was saved, and after RESET as it was built', () => {
    control(0x8000);
    entry(0, 3, 0);
    msix.signal(1);
    const saved = pci.save();
    build();
    pci.restore(saved);
    expect([bus.readMemory(TABLE, 4), bus.readMemory(PENDING, 4), sent]).toEqual([0xfee00000, 2, []]);
    expect(pci.peek()['00:05.0 test messages']).toMatchObject({ pending: Uint32Array.of(2) });
    entry(1, 3, 0);
    msix.signal(0);
    expect(sent).toEqual([
      [0xfee01000, 0x41],
      [0xfee00000, 0x40],
    ]);
    pci.reset();
    expect(msix.enabled).toBe(false);
    expect(() => pci.restore({ ...saved, '5.0 messages': undefined })).toThrow(/messages is missing/);
  });

  it('reaches the local APIC that the message names', () => {
    const { pc } = testPc({ apic: true, processors: 2 });
    const taken: number[] = [];
    pc.onIntr = processor => void taken.push(processor);
    for (const processor of [0, 1]) {
      pc.currentProcessor = processor;
      pc.ownBus.writeMemory(0xfee000f0, 0x1ff, 4);
    }
    pc.signals.sendMessage(0xfee01000, 0x51);
    expect([taken, pc.acknowledge(1)]).toEqual([[1], 0x51]);
    // No message is for what is not below 0xFEF00000.
    pc.signals.sendMessage(0xfed01000, 0x52);
    expect(taken).toEqual([1]);
  });
});
