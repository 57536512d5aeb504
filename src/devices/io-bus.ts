/**
 * The machine's bus: who answers a port or a guest-physical address. Looking a port up is one load from a table of 65536
 * indexes; nothing is allocated.
 * As on an ISA/PCI bus, a read that nobody claims gives all ones and such a write is lost.
 */
import type { Device, MemoryRange, PortRange } from './bus.ts';

const PORTS = 65536;
const ones = (size: number): number => (size === 4 ? 0xffffffff : size === 2 ? 0xffff : 0xff);
const hex = (value: number): string => `0x${value.toString(16)}`;

/** Two devices claim the same ports or addresses. */
export class OverlapError extends Error {
  readonly base: number;
  readonly otherBase: number;

  constructor(kind: 'ports' | 'memory', base: number, count: number, otherBase: number) {
    super(`${kind} ${hex(base)}-${hex(base + count - 1)} overlap a range that starts at ${hex(otherBase)}`);
    this.name = 'OverlapError';
    this.base = base;
    this.otherBase = otherBase;
  }
}

/** A range that does not fit its address space. */
export class RangeLimitError extends Error {
  constructor(kind: 'ports' | 'memory', base: number, count: number) {
    super(`${kind} from ${hex(base)}, ${count} long, do not fit the address space`);
    this.name = 'RangeLimitError';
  }
}

const nobody: PortRange = { base: 0, count: PORTS, width: 4, read: (_offset, size) => ones(size), write: () => {} };

export class IoBus {
  private readonly owner = new Uint16Array(PORTS);
  private readonly ranges: (PortRange | null)[] = [nobody];
  private readonly memory: MemoryRange[] = [];
  private lastMemory: MemoryRange | null = null;

  /** Claims all that a device answers. @throws OverlapError, RangeLimitError, and claims nothing then. */
  plug({ portRanges = [], memoryRanges = [] }: Pick<Device, 'portRanges' | 'memoryRanges'>): void {
    const undo: (() => void)[] = [];
    try {
      for (const range of portRanges) {
        this.plugPorts(range);
        undo.push(() => this.unplugPorts(range));
      }
      for (const range of memoryRanges) {
        this.plugMemory(range);
        undo.push(() => this.unplugMemory(range));
      }
    } catch (error) {
      for (const step of undo) step();
      throw error;
    }
  }

  /** Claims ports. Throws OverlapError or RangeLimitError and changes nothing then. */
  plugPorts(range: PortRange): void {
    if (range.base < 0 || range.count < 1 || range.base + range.count > PORTS)
      throw new RangeLimitError('ports', range.base, range.count);
    for (let port = range.base; port < range.base + range.count; port++) {
      if (this.owner[port] !== 0)
        throw new OverlapError('ports', range.base, range.count, this.ranges[this.owner[port]]?.base ?? port);
    }
    let index = this.ranges.indexOf(null);
    if (index < 0) index = this.ranges.push(null) - 1;
    this.ranges[index] = range;
    this.owner.fill(index, range.base, range.base + range.count);
  }

  /** Gives a range's ports up (a BAR that moves). */
  unplugPorts(range: PortRange): void {
    const index = this.ranges.indexOf(range);
    if (index <= 0) return;
    this.owner.fill(0, range.base, range.base + range.count);
    this.ranges[index] = null;
  }

  /** Whether someone has claimed a port. */
  hasPort(port: number): boolean {
    return this.owner[port] !== 0;
  }

  /** Whether reading a port changes no interrupt line (PortRange.readsQuietly). */
  readsQuietly(port: number): boolean {
    return this.ranges[this.owner[port]]?.readsQuietly === true;
  }

  /** Claims guest-physical addresses. Throws OverlapError or RangeLimitError and changes nothing then. */
  plugMemory(range: MemoryRange): void {
    if (range.base < 0 || range.length < 1 || range.base + range.length > 2 ** 52)
      throw new RangeLimitError('memory', range.base, range.length);
    const other = this.memory.find(
      known => range.base < known.base + known.length && known.base < range.base + range.length,
    );
    if (other) throw new OverlapError('memory', range.base, range.length, other.base);
    this.memory.push(range);
  }

  unplugMemory(range: MemoryRange): void {
    const index = this.memory.indexOf(range);
    if (index >= 0) this.memory.splice(index, 1);
    this.lastMemory = null;
  }

  /** IN: `size` 1, 2 or 4; the answer is unsigned. */
  readPort(port: number, size: number): number {
    const range = this.ranges[this.owner[port]] as PortRange;
    const offset = port - range.base;
    const width = range.width ?? 1;
    if (size <= width && offset + size <= range.count) return range.read(offset, size) >>> 0;
    if (size === 1) return range.read(offset, 1) & 0xff;
    const half = size >> 1;
    const low = this.readPort(port, half);
    return (low | (this.readPort((port + half) & 0xffff, half) << (half * 8))) >>> 0;
  }

  /** OUT: `size` 1, 2 or 4; higher bits of the value are ignored. */
  writePort(port: number, value: number, size: number): void {
    const range = this.ranges[this.owner[port]] as PortRange;
    const offset = port - range.base;
    const width = range.width ?? 1;
    if (size === 1) range.write(offset, value & 0xff, 1);
    else if (size <= width && offset + size <= range.count)
      range.write(offset, size === 2 ? value & 0xffff : value >>> 0, size);
    else {
      const half = size >> 1;
      this.writePort(port, value, half);
      this.writePort((port + half) & 0xffff, value >>> (half * 8), half);
    }
  }

  /**
   * REP INS in bulk: fills `into` with items of `size` bytes as far as the device gives them at once. Returns the bytes given;
   * 0 means one by one, by `readPort`.
   */
  readPortBlock(port: number, size: number, into: Uint8Array): number {
    const range = this.ranges[this.owner[port]] as PortRange;
    return range.readBlock?.(port - range.base, size, into) ?? 0;
  }

  /** REP OUTS in bulk, likewise. */
  writePortBlock(port: number, size: number, from: Uint8Array): number {
    const range = this.ranges[this.owner[port]] as PortRange;
    return range.writeBlock?.(port - range.base, size, from) ?? 0;
  }

  private findMemory(address: number): MemoryRange | null {
    const last = this.lastMemory;
    if (last && address >= last.base && address < last.base + last.length) return last;
    for (const range of this.memory) {
      if (address >= range.base && address < range.base + range.length) {
        this.lastMemory = range;
        return range;
      }
    }
    return null;
  }

  /** True where a device answers; where it is false and no RAM lies, reads give all ones. */
  isMemoryMapped(address: number): boolean {
    return this.findMemory(address) !== null;
  }

  /** What a read there finds where it changes nothing (MemoryRange.readQuietly); -1: it may. */
  readMemoryQuietly(address: number, size: number): number {
    const range = this.findMemory(address);
    return range?.readQuietly?.(address - range.base, size) ?? -1;
  }

  /** Read of guest-physical memory that is not RAM: `size` 1, 2 or 4; unsigned. */
  readMemory(address: number, size: number): number {
    const range = this.findMemory(address);
    if (!range) return ones(size);
    const offset = address - range.base;
    if (offset + size <= range.length) return range.read(offset, size) >>> 0;
    let value = 0;
    for (let i = 0; i < size; i++) value |= this.readMemory(address + i, 1) << (i * 8);
    return value >>> 0;
  }

  writeMemory(address: number, value: number, size: number): void {
    const range = this.findMemory(address);
    if (!range) return;
    const offset = address - range.base;
    if (offset + size <= range.length) range.write(offset, size === 4 ? value >>> 0 : value & ones(size), size);
    else for (let i = 0; i < size; i++) this.writeMemory(address + i, (value >>> (i * 8)) & 0xff, 1);
  }

  /** Claimed port ranges, for a debugger. */
  peekPorts(): { base: number; count: number }[] {
    return this.ranges.slice(1).flatMap(range => (range ? [{ base: range.base, count: range.count }] : []));
  }
}
