import { describe, expect, it } from 'vitest';
import { smbiosEntryPoint, smbiosStructures } from '../smbios.ts';
import { memoryMap } from '../e820.ts';
import * as aml from './aml.ts';
import { TestMemory } from '../testing.ts';
import { acpiOf, buildAcpi, installAcpi } from './tables.ts';

const sum = (bytes: Uint8Array) => bytes.reduce((a, b) => (a + b) & 0xff, 0);
const u32 = (bytes: Uint8Array, at: number) => new DataView(bytes.buffer, bytes.byteOffset).getUint32(at, true);
const signature = (bytes: Uint8Array) => String.fromCharCode(...bytes.subarray(0, 4));

describe('ACPI tables', () => {
  const memory = new TestMemory(1 << 20);
  const rsdpAddress = installAcpi(memory, { memoryMiB: 256, apic: true });
  const rsdp = memory.bytes.subarray(rsdpAddress, rsdpAddress + 36);
  const at = (address: number) => memory.bytes.subarray(address, address + u32(memory.bytes.subarray(address), 4));

  it('RSDP lies on a paragraph of the BIOS area, with both checksums', () => {
    expect(rsdpAddress & 15).toBe(0);
    expect(rsdpAddress).toBeGreaterThanOrEqual(0xe0000);
    expect(String.fromCharCode(...rsdp.subarray(0, 8))).toBe('RSD PTR ');
    expect(sum(rsdp.subarray(0, 20))).toBe(0);
    expect(sum(rsdp)).toBe(0);
  });

  it('RSDT and XSDT name the same tables, each with its checksum', () => {
    const rsdt = at(u32(rsdp, 16));
    const xsdt = at(u32(rsdp, 24));
    const named = [u32(rsdt, 36), u32(rsdt, 40)];
    expect([u32(xsdt, 36), u32(xsdt, 44)]).toEqual(named);
    expect(named.map(address => signature(at(address)))).toEqual(['FACP', 'APIC']);
    for (const table of [rsdt, xsdt, ...named.map(at)]) expect(sum(table)).toBe(0);
    const fadt = at(named[0]);
    const dsdt = at(u32(fadt, 40));
    expect(signature(dsdt)).toBe('DSDT');
    expect(sum(dsdt)).toBe(0);
    expect(u32(fadt, 140)).toBe(u32(fadt, 40));
    const facs = u32(fadt, 36);
    expect(facs & 63).toBe(0);
    expect(signature(at(facs))).toBe('FACS');
    // X_FIRMWARE_CTRL: Xen compares both ("32/64X FACS address mismatch").
    expect([u32(fadt, 132), u32(fadt, 136)]).toEqual([facs, 0]);
  });

  it('MADT names processors by their APICs, and the I/O APIC as hvmloader does', () => {
    // Xen's guests have every other identifier (reference: LAPIC id = vCPU * 2).
    const { tables } = buildAcpi({ memoryMiB: 64, apic: true, processors: 3, apicIdStep: 2 });
    const start = tables.findIndex((_, i) => signature(tables.subarray(i)) === 'APIC');
    const entries = tables.subarray(start + 44, start + 44 + 3 * 8 + 12);
    expect([0, 1, 2].map(i => [...entries.subarray(i * 8, i * 8 + 4)])).toEqual([
      [0, 8, 0, 0],
      [0, 8, 1, 2],
      [0, 8, 2, 4],
    ]);
    expect([...entries.subarray(24, 27)]).toEqual([1, 12, 1]);
  });

  it.each([
    [512, undefined, 0x80000000],
    [1536, 1024, 0x40000000],
    [3072, undefined, 0xc0000000],
  ])('have PCI’s memory where %i MiB of RAM, %s of them below the hole, leave it room', (memoryMiB, lowMiB, base) => {
    const { tables } = buildAcpi({ memoryMiB, lowMiB, apic: true });
    expect(Buffer.from(tables).includes(Buffer.from(aml.memoryWindow(base, 0xfebfffff)))).toBe(true);
  });

  it('say who made them: in guests of Xen as hvmloader’s do', () => {
    const { rsdp: root, tables } = buildAcpi(acpiOf({ memoryMiB: 64, apic: true, xenPlatform: true }));
    expect(String.fromCharCode(...root.subarray(9, 15))).toBe('Xen\0\0\0');
    for (const name of ['DSDT', 'FACP', 'APIC', 'XSDT']) {
      const header = tables.subarray(tables.findIndex((_, i) => signature(tables.subarray(i)) === name));
      expect(String.fromCharCode(...header.subarray(10, 24), ...header.subarray(28, 32))).toBe(
        'Xen\0\0\0HVM\0\0\0\0\0HVML',
      );
    }
  });

  it('there is no MADT without APICs', () => {
    expect(String.fromCharCode(...buildAcpi({ memoryMiB: 64, apic: false }).tables)).not.toContain('APIC');
  });
});

describe('AML', () => {
  it('encodes integers, names and package lengths as the specification', () => {
    expect(aml.integer(1)).toEqual([1]);
    expect(aml.integer(0x80)).toEqual([0x0a, 0x80]);
    expect(aml.integer(0x1234)).toEqual([0x0b, 0x34, 0x12]);
    expect(aml.path('\\_SB.PCI0')).toEqual(
      [0x5c, 0x2e, ...'_SB_PCI0'].map(c => (typeof c === 'string' ? c.charCodeAt(0) : c)),
    );
    expect(aml.eisaId('PNP0A03')).toEqual([0x0c, 0x41, 0xd0, 0x0a, 0x03]);
    expect(aml.scope('\\', []).slice(0, 2)).toEqual([0x10, 3]);
    const long = aml.scope('A', new Array<number>(100).fill(0xa3));
    expect(long.slice(1, 3)).toEqual([0x40 | ((100 + 4 + 2) & 15), (100 + 4 + 2) >> 4]);
    expect(() => aml.path('pci0')).toThrow('no AML name');
  });
});

describe('SMBIOS', () => {
  it('entry point has both checksums and the structures’ length and count', () => {
    const entry = smbiosEntryPoint(0xf0020, { memoryMiB: 128 });
    const { bytes, count } = smbiosStructures({ memoryMiB: 128 });
    expect(entry.length).toBe(0x1f);
    expect(sum(entry)).toBe(0);
    expect(sum(entry.subarray(16))).toBe(0);
    expect(entry[0x16] | (entry[0x17] << 8)).toBe(bytes.length);
    expect(entry[0x1c] | (entry[0x1d] << 8)).toBe(count);
    let at = 0;
    const types = [];
    while (at < bytes.length) {
      types.push(bytes[at]);
      at += bytes[at + 1];
      while (bytes[at] !== 0 || bytes[at + 1] !== 0) at++;
      at += 2;
    }
    expect(types).toEqual([0, 1, 2, 3, 4, 16, 17, 19, 32, 127]);
  });
});

describe('memory map', () => {
  it('has no overlaps, ascends, and holds the memory less the reserved MiB', () => {
    for (const mib of [16, 64, 3584, 4096]) {
      const map = memoryMap({ memoryMiB: mib });
      map.slice(1).forEach((entry, i) => expect(entry.base).toBeGreaterThanOrEqual(map[i].base + map[i].length));
      const ram = map.filter(entry => entry.type === 1).reduce((total, entry) => total + entry.length, 0);
      expect(ram).toBe((mib - 1) * 1048576 + 0x9fc00);
    }
  });
});
