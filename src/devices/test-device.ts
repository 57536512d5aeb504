/**
 * QEMU's pc-testdev, which test kernels probe with: a port latch, interrupt lines that a guest drives itself, memory outside RAM.
 * Source: QEMU documentation and the ports that kvm-unit-tests use: latch 0xE0-0xE3 and 0xE8-0xEB, flush 0xE4, lines 0x2000-0x2017,
 * 64 KiB at 0xFF000000.
 * A byte written to 0xE9 also goes to the debug console, whose presence check reads 0xE9 there.
 */
import type { Device, MemoryRange, PortRange, State } from './bus.ts';
import { assignState, copyState, resetState } from './state.ts';

const MEMORY_BASE = 0xff000000,
  MEMORY_BYTES = 0x10000;
export const TEST_LINES = 24;

const initial = () => ({ latch: Uint8Array.of(0, 0xe9, 0, 0), lines: new Uint8Array(TEST_LINES) });

export class TestDevice implements Device {
  readonly name = 'test-device';
  readonly portRanges: PortRange[];
  readonly memoryRanges: MemoryRange[];
  private readonly r = initial();
  /** Made when it is first written: most machines never do. */
  private memory: Uint8Array | undefined;

  constructor(debug: (byte: number) => void, setLine: (line: number, level: boolean) => void) {
    const { r } = this;
    const latch = (base: number, written?: (offset: number, value: number, size: number) => void): PortRange => ({
      base,
      count: 4,
      width: 4,
      read: (offset, size) => {
        let value = 0;
        for (let i = 0; i < size; i++) value |= r.latch[(offset + i) & 3] << (8 * i);
        return value;
      },
      write: (offset, value, size) => {
        for (let i = 0; i < size && offset + i < 4; i++) r.latch[offset + i] = value >>> (8 * i);
        written?.(offset, value, size);
      },
    });
    this.portRanges = [
      latch(0xe0),
      { base: 0xe4, count: 4, width: 4, read: () => 0, write: () => {} },
      latch(0xe8, (offset, value, size) => {
        if (offset === 1 && size === 1) debug(value);
      }),
      {
        base: 0x2000,
        count: TEST_LINES,
        read: offset => r.lines[offset],
        write: (offset, value) => {
          r.lines[offset] = value ? 1 : 0;
          setLine(offset, value !== 0);
        },
      },
    ];
    this.memoryRanges = [
      {
        base: MEMORY_BASE,
        length: MEMORY_BYTES,
        read: (offset, size) => {
          let value = 0;
          for (let i = 0; i < size; i++) value |= (this.memory?.[offset + i] ?? 0) << (8 * i);
          return value;
        },
        write: (offset, value, size) => {
          this.memory ??= new Uint8Array(MEMORY_BYTES);
          for (let i = 0; i < size; i++) this.memory[offset + i] = value >>> (8 * i);
        },
      },
    ];
  }

  reset(): void {
    resetState(this.r, initial());
    this.memory = undefined;
  }

  save(): State {
    return { ...copyState(this.r), memory: this.memory?.slice() ?? null };
  }

  restore(state: State): void {
    assignState(this.name, this.r, state);
    this.memory =
      state.memory instanceof Uint8Array && state.memory.length === MEMORY_BYTES ? state.memory.slice() : undefined;
  }

  peek(): State {
    return copyState(this.r);
  }
}
