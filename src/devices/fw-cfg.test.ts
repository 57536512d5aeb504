import { describe, expect, it, vi } from 'vitest';
import { placeAcpi, buildAcpi } from './acpi/tables.ts';
import { testPc } from './testing.ts';

// Promises are those of QEMU's fw_cfg documentation.
const t = testPc({ apic: true });
const item = (selector: number, length: number) => {
  t.out(0x510, selector, 2);
  return Uint8Array.from({ length }, () => t.in(0x511));
};
const directory = () => {
  const count = item(0x19, 4)[3];
  const bytes = item(0x19, 4 + 64 * count);
  return Array.from({ length: count }, (_, i) => {
    const entry = bytes.subarray(4 + 64 * i);
    const name = String.fromCharCode(...entry.subarray(8, 64)).replace(/\0.*$/, '');
    return {
      name,
      size: new DataView(entry.buffer, entry.byteOffset).getUint32(0),
      selector: (entry[4] << 8) | entry[5],
    };
  });
};
const file = (name: string) => {
  const { selector, size } = directory().find(entry => entry.name === name)!;
  return item(selector, size);
};

describe('fw_cfg', () => {
  it('has the signature and the feature bits, and zeros past an item’s end', () => {
    expect(String.fromCharCode(...item(0, 4))).toBe('QEMU');
    expect([...item(1, 6)]).toEqual([3, 0, 0, 0, 0, 0]);
    expect([...item(5, 2)]).toEqual([1, 0]);
    expect([...item(3, 8)]).toEqual([0, 0, 0, 4, 0, 0, 0, 0]);
  });

  it('gives the bytes of REP INSB at once', () => {
    t.out(0x510, 0x19, 2);
    const some = new Uint8Array(100);
    expect(t.pc.bus.readPortBlock(0x511, 1, some)).toBe(100);
    expect(some).toEqual(item(0x19, 100));
    // From where the block ended.
    t.out(0x510, 0x19, 2);
    t.pc.bus.readPortBlock(0x511, 1, some.subarray(0, 10));
    expect(t.in(0x511)).toBe(some[10]);
    expect(t.pc.bus.readPortBlock(0x510, 2, some)).toBe(0);
  });

  it('lists its files by name', () => {
    const names = directory().map(entry => entry.name);
    expect(names).toEqual([...names].sort());
    const wanted = [
      'etc/acpi/rsdp',
      'etc/acpi/tables',
      'etc/table-loader',
      'etc/e820',
      'etc/smbios/smbios-anchor',
      'etc/smbios/smbios-tables',
    ];
    expect(names).toEqual(expect.arrayContaining(wanted));
    expect(names.length).toBe(new Set(names).size);
  });

  it('DMA: signature, a file read into memory, skip, and an error for writes', () => {
    expect(t.in(0x514, 4)).toBe(0x554d4551);
    expect(t.in(0x518, 4)).toBe(0x47464320);
    const run = (control: number, length: number, address: number, high = 0) => {
      const view = new DataView(t.memory.bytes.buffer, 0x1000, 16);
      view.setUint32(0, control);
      view.setUint32(4, length);
      view.setUint32(8, high);
      view.setUint32(12, address);
      t.out(0x514, 0, 4);
      t.out(0x518, 0x00100000, 4);
      return view.getUint32(0);
    };
    const { selector } = directory().find(entry => entry.name === 'etc/acpi/rsdp')!;
    expect(run((selector << 16) | 8 | 2, 8, 0x2000)).toBe(0);
    expect(String.fromCharCode(...t.memory.bytes.subarray(0x2000, 0x2008))).toBe('RSD PTR ');
    expect(run(4, 1, 0)).toBe(0);
    expect(run(2, 6, 0x3000)).toBe(0);
    expect(String.fromCharCode(...t.memory.bytes.subarray(0x3000, 0x3006))).toBe('RNGSID');
    expect(run(16, 4, 0x3000)).toBe(1);
    // Above 4 GiB: what the file has (the RSDP of ACPI 2.0, 36 bytes), and zeros past its end.
    const write = vi.spyOn(t.memory, 'write');
    expect(run((selector << 16) | 8 | 2, 100, 0x2000, 1)).toBe(0);
    expect(write.mock.calls.slice(0, 2).map(([at, { length }]) => [at, length])).toEqual([
      [2 ** 32 + 0x2000, 36],
      [2 ** 32 + 0x2024, 64],
    ]);
  });

  it('the table loader’s script, followed by hand, gives the tables that we would have placed', () => {
    const script = file('etc/table-loader');
    const blobs: { [name: string]: Uint8Array } = {};
    const address: { [name: string]: number } = { 'etc/acpi/rsdp': 0xf6000, 'etc/acpi/tables': 0x3fe0000 };
    const view = new DataView(script.buffer);
    const name = (at: number) => String.fromCharCode(...script.subarray(at, at + 56)).replace(/\0.*$/, '');
    for (let at = 0; at < script.length; at += 128) {
      const kind = view.getUint32(at, true);
      const blob = blobs[name(at + 4)] ?? file(name(at + 4));
      blobs[name(at + 4)] = blob;
      if (kind === 2) {
        const offset = view.getUint32(at + 116, true);
        const field = new DataView(blob.buffer);
        field.setUint32(offset, field.getUint32(offset, true) + address[name(at + 60)], true);
      } else if (kind === 3) {
        const [offset, start, length] = [60, 64, 68].map(o => view.getUint32(at + o, true));
        blob[offset] -= blob.subarray(start, start + length).reduce((a, b) => a + b, 0);
      }
    }
    const ours = buildAcpi({ memoryMiB: 64, apic: true });
    placeAcpi(ours, 0x3fe0000);
    expect(blobs['etc/acpi/tables']).toEqual(ours.tables);
    expect(blobs['etc/acpi/rsdp']).toEqual(ours.rsdp);
  });

  it('etc/e820 is whole RAM', () => {
    const bytes = file('etc/e820');
    const view = new DataView(bytes.buffer);
    expect([view.getUint32(0, true), view.getUint32(8, true), view.getUint32(16, true)]).toEqual([0, 64 << 20, 1]);
  });
});

describe('test device', () => {
  it('latches ports, takes flushes, drives interrupt lines, has memory at 0xFF000000', () => {
    t.out(0xe0, 0x12345678, 4);
    expect(t.in(0xe0, 4)).toBe(0x12345678);
    expect(t.in(0xe8, 4)).toBe(0x12345678);
    t.out(0xe1, 0xaa);
    expect(t.in(0xe0, 4)).toBe(0x1234aa78);
    t.out(0xe4, 1, 4);
    t.pc.bus.writeMemory(0xff000010, 0xdeadbeef, 4);
    expect(t.pc.bus.readMemory(0xff000010, 4)).toBe(0xdeadbeef);
    t.out(0xa1, 0xff);
    const irr = () => t.in(0xa0);
    t.out(0x200a, 1);
    expect(irr() & 4).toBe(4);
    t.out(0x200a, 0);
    expect(irr() & 4).toBe(0);
  });

  it('a byte to 0xE9 goes to the debug console', () => {
    const bytes: number[] = [];
    const other = testPc({ debug: byte => bytes.push(byte) });
    expect(other.in(0xe9)).toBe(0xe9);
    other.out(0xe9, 0x41);
    other.out(0x402, 0x42);
    expect(bytes).toEqual([0x41, 0x42]);
    const plain = testPc({ testDevice: false, debug: byte => bytes.push(byte) });
    plain.out(0xe9, 0x43);
    expect(plain.in(0xe9)).toBe(0xe9);
    expect(bytes).toEqual([0x41, 0x42, 0x43]);
  });
});

describe('PAM registers', () => {
  it('tell which parts of 0xC0000-0xFFFFF are RAM', () => {
    const calls: string[] = [];
    const other = testPc({
      onShadow: (base, length, reads, writes) =>
        calls.push(`${base.toString(16)} ${length.toString(16)} ${reads} ${writes}`),
    });
    const bridge = other.pc.pci.at(0, 0)!;
    bridge.write(0x59, 0x30, 1);
    bridge.write(0x5a, 0x21, 1);
    bridge.write(0x59, 0x10, 1);
    expect(calls).toEqual([
      'f0000 10000 true true',
      'c0000 4000 true false',
      'c4000 4000 false true',
      'f0000 10000 true false',
    ]);
  });
});

describe('parallel port', () => {
  it('prints on the strobe’s edge and acknowledges by IRQ 7', () => {
    const printed: number[] = [];
    const other = testPc({ printer: byte => printed.push(byte) });
    other.out(0x378, 0x58);
    expect(other.in(0x378)).toBe(0x58);
    expect(other.in(0x379) & 0xf8).toBe(0xd8);
    other.out(0x37a, 0x0d);
    other.out(0x37a, 0x0c);
    expect(printed).toEqual([0x58]);
  });
});
