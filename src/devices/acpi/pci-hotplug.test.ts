/** Functions that come and go, by the registers of QEMU's acpi_pci_hotplug.rst; what the tables say of them, by iasl. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { program } from '../../../test/support/needs.ts';
import { MemoryDisk } from '../../formats/blocks/index.ts';
import { TimerQueue } from '../timers.ts';
import { loadDrives } from '../drives.ts';
import { EmulatedDevices } from '../emulated-devices.ts';
import { VIRTIO_PLACE } from '../ide/piix-ide.ts';
import type { Ethernet } from '../net/ethernet.ts';
import { loadNics } from '../net/models.ts';
import { loadVirtio } from '../virtio/kinds.ts';
import { cardInSlot, MOST_CARDS, NIC_SLOT, slotOfCard, VIRTIO_DISK_SLOT } from '../pci/slots.ts';
import { TestMemory } from '../testing.ts';
import { PciHotplug } from './pci-hotplug.ts';
import { GPE0_BASE, PCI_HOTPLUG_BASE, SCI_IRQ } from './piix4-pm.ts';
import { buildAcpi } from './tables.ts';

const MAC = Uint8Array.of(0x52, 0x54, 0, 0x12, 0x34, 0x56);
const [UP, DOWN, EJECT, REMOVABLE] = [0, 4, 8, 12].map(offset => PCI_HOTPLUG_BASE + offset) as [
  number,
  number,
  number,
  number,
];
const SECOND = VIRTIO_DISK_SLOT + 1;
const NOBODY = 0xffffffff;

beforeAll(() => Promise.all([loadDrives(), loadNics(), loadVirtio(['9p', 'rng'])]));

/** A board whose card and disks come and go; `disks`: places of those that it begins with. */
function board({ disks = [0], nic = false, virtio = [] as string[] } = {}) {
  const levels = new Map<number, boolean>();
  const timers = new TimerQueue({ nowNs: () => 0 });
  const ethernet: Ethernet = { send: () => {} };
  const drive = (number: number) => ({
    place: VIRTIO_PLACE + number,
    kind: 'disk' as const,
    disk: new MemoryDisk(new Uint8Array(4096)),
  });
  const devices = new EmulatedDevices(
    {
      timers,
      dma: new TestMemory(1 << 20),
      memoryMiB: 1,
      serial: [],
      onReset: () => {},
      onDebugExit: () => {},
      ide: disks.map(drive),
      ...(nic ? { cards: [{ model: 'virtio' as const, mac: MAC, ethernet }] } : {}),
      ...(virtio.length > 0 ? { virtio: { items: virtio, seed: 0 } } : {}),
      hotplug: PciHotplug,
    },
    {
      setIsaIrqLevel: (irq, level) => void levels.set(irq, level),
      setPciIntxLevel: () => {},
      setPciLinkRoute: () => {},
      placePowerManagement: () => {},
      sendMessage: () => {},
    },
  );
  const { bus, hotplug } = devices;
  return {
    devices,
    hotplug: hotplug!,
    timers,
    ethernet,
    emptied: hotplug!.emptied,
    drive,
    read: (port: number, size = 4) => bus.readPort(port, size) >>> 0,
    write: (port: number, value: number, size = 4) => bus.writePort(port, value, size),
    sci: () => levels.get(SCI_IRQ) ?? false,
    identity(slot: number) {
      bus.writePort(0xcf8, 0x80000000 | (slot << 11), 4);
      return bus.readPort(0xcfc, 4) >>> 0;
    },
  };
}

describe('PCI hot plug', () => {
  it('tells of a folder that has come into a slot for disks, and is there in a board that begins with it', () => {
    const { hotplug, devices, read, identity } = board();
    const item = '9p,tag=share,path=/srv/share,slot=12';
    const asked: string[] = [];
    hotplug.plugFolder(item, 'virtio-9p', { console: () => {}, folder: device => void asked.push(device) });
    expect([read(UP), identity(12)]).toEqual([1 << 12, 0x10091af4]);
    expect(devices.virtio.map(({ name }) => name)).toContain('virtio-9p');
    expect(() => hotplug.plugFolder(item, 'virtio-9p-1', { console: () => {} })).toThrow(
      'PCI slot 12 has a virtio folder already.',
    );
    // A board that begins with it has it there, and others where they were.
    const again = board({ virtio: ['rng', item] });
    expect([again.identity(12), again.identity(13)]).toEqual([0x10091af4, 0x10051af4]);
  });

  it('tells of a disk that has come once, by event 1, where that is enabled', () => {
    const { hotplug, drive, read, write, sci, identity } = board();
    expect([identity(VIRTIO_DISK_SLOT), identity(SECOND)]).toEqual([0x10011af4, NOBODY]);
    hotplug.plugDisk(drive(1));
    expect([read(GPE0_BASE), sci()]).toEqual([2, false]);
    write(GPE0_BASE + 2, 2, 2);
    expect([read(GPE0_BASE), sci()]).toEqual([0x20002, true]);
    // ACPI clears an edge before its method runs.
    write(GPE0_BASE, 2, 1);
    expect([sci(), read(UP), read(UP), read(DOWN)]).toEqual([false, 1 << SECOND, 0, 0]);
    expect(identity(SECOND)).toBe(0x10011af4);
    expect(read(REMOVABLE)).toBe((1 << NIC_SLOT) | (0xff << VIRTIO_DISK_SLOT) | (0x7f << slotOfCard(MOST_CARDS - 1)));
  });

  it('has a function gone once the guest has let go of it, and with it its timers', () => {
    const { hotplug, drive, read, write, identity, emptied, timers, devices } = board();
    const before = [timers.size, devices.devices.length];
    hotplug.plugDisk(drive(1));
    hotplug.remove(SECOND);
    expect([read(DOWN), read(DOWN), emptied]).toEqual([1 << SECOND, 1 << SECOND, []]);
    write(EJECT, 1 << SECOND);
    expect([read(DOWN), identity(SECOND), emptied]).toEqual([0, NOBODY, [SECOND]]);
    expect([timers.size, devices.devices.length]).toEqual(before);
    // And it may come again; what was there from the start goes likewise.
    hotplug.plugDisk(drive(1));
    hotplug.remove(VIRTIO_DISK_SLOT);
    write(EJECT, 1 << VIRTIO_DISK_SLOT);
    expect([identity(SECOND), identity(VIRTIO_DISK_SLOT)]).toEqual([0x10011af4, NOBODY]);
  });

  it('leaves a wire for the next card that leads nowhere meanwhile', () => {
    const { hotplug, write, identity, ethernet } = board({ nic: true });
    expect(ethernet.receive).toBeTypeOf('function');
    write(EJECT, 1 << NIC_SLOT);
    expect([ethernet.receive, identity(NIC_SLOT)]).toEqual([undefined, NOBODY]);
    hotplug.plugCard({ model: 'e1000', mac: MAC, ethernet });
    expect([typeof ethernet.receive, identity(NIC_SLOT)]).toEqual(['function', 0x100e8086]);
  });

  it('has a second card come next to the first, with a name, a slot and a wire of its own', () => {
    const { hotplug, devices, read, write, identity, ethernet } = board({ nic: true });
    const wire: Ethernet = { send: () => {} };
    hotplug.plugCard({ place: 1, model: 'virtio', mac: MAC, ethernet: wire });
    const slot = slotOfCard(1);
    expect([read(UP), identity(slot), cardInSlot(slot)]).toEqual([1 << slot, 0x10001af4, 1]);
    expect(devices.virtio.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['virtio-net', 'virtio-net-1', 'virtio-blk0']),
    );
    write(EJECT, 1 << slot);
    expect([identity(slot), wire.receive, typeof ethernet.receive]).toEqual([NOBODY, undefined, 'function']);
    const places = Array.from({ length: 32 }, (_, at) => cardInSlot(at));
    expect(places.filter(place => place !== undefined).sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it('refuses a place that is taken or is none, and lets nothing go that belongs to the board', () => {
    const { hotplug, drive, write, identity, emptied } = board({ nic: true });
    expect(() => hotplug.plugDisk(drive(0))).toThrow('PCI slot 5 has a virtio block device already.');
    expect(() => hotplug.plugDisk(drive(8))).toThrow(RangeError);
    expect(() => hotplug.plugCard({ model: 'virtio', mac: MAC, ethernet: { send: () => {} } })).toThrow('PCI slot 3');
    for (const slot of [1, SECOND, 31]) expect(() => hotplug.remove(slot)).toThrow(`PCI slot ${slot} has nothing`);
    for (const slot of [0, 1, 2, SECOND, 31]) write(EJECT, 1 << slot);
    write(EJECT, 0);
    expect([identity(1), identity(2), emptied]).toEqual([0x70008086, 0x11111234, []]);
  });

  it('is saved with what it has yet to tell, and a RESET takes away what was to go', () => {
    const one = board();
    one.hotplug.plugDisk(one.drive(1));
    one.hotplug.remove(VIRTIO_DISK_SLOT);
    one.write(GPE0_BASE + 2, 2, 2);
    const state = Object.fromEntries(one.devices.devices.map(device => [device.name, device.save()]));
    const other = board({ disks: [0, 1] });
    other.devices.restore(state);
    expect([other.read(GPE0_BASE), other.read(UP)]).toEqual([0x20002, 1 << SECOND]);
    expect(other.read(DOWN)).toBe(1 << VIRTIO_DISK_SLOT);
    // A state can say of any slot that it is to be emptied.
    const { 'acpi-hotplug': registers } = state;
    other.hotplug.restore({ ...(registers as object), down: (1 << VIRTIO_DISK_SLOT) | (1 << 1) });
    other.devices.reset();
    expect(other.emptied).toEqual([VIRTIO_DISK_SLOT]);
    expect([other.read(DOWN), other.read(GPE0_BASE), other.sci()]).toEqual([0, 0, false]);
    expect(other.identity(SECOND)).toBe(0x10011af4);
  });
});

const iasl = program('iasl');
it.skipIf(!iasl)('is described by tables that iasl reads as ACPI and takes back without an error', () => {
  const { tables } = buildAcpi({ memoryMiB: 256, apic: true, hotplug: PciHotplug });
  const { buffer } = tables;
  const at = Buffer.from(buffer).indexOf('DSDT');
  const folder = mkdtempSync(join(tmpdir(), 'ringside-dsdt-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'dsdt.aml'), tables.subarray(at, at + new DataView(buffer).getUint32(at + 4, true)));
  const run = (...words: string[]) =>
    execFileSync(iasl!, words, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  run('-d', 'dsdt.aml');
  const source = readFileSync(join(folder, 'dsdt.dsl'), 'utf8');
  const device = /Device \(S30\)\s*\{([^}]*\{[^}]*\}\s*)\}/.exec(source)?.[1];
  expect(device).toMatch(/_ADR, 0x00060000[\s\S]*_SUN, 0x06[\s\S]*Method \(_EJ0, 1[\s\S]*B0EJ = 0x40/);
  expect(source).toMatch(/If \(\(Arg0 & 0x40\)\)\s*\{\s*Notify \(S30, Arg1\)/);
  expect(source).toMatch(/DVNT \(PCIU, One\)\s*DVNT \(PCID, 0x03\)/);
  expect(source).toMatch(/Scope \(\\_GPE\)\s*\{\s*Method \(_E01, 0[^)]*\)[^{]*\{\s*\\_SB\.PCI0\.PCNT \(\)/);
  expect(run('dsdt.dsl')).toContain('Compilation successful. 0 Errors');
});
