/** What a guest's code is called: by the symbol table of its kernel's file, or by the one that a Linux carries in its memory. Both are looked for once, when somebody asks. */

import type { MachineView, VcpuState } from '../../hypervisor/view/index.ts';
import { host } from '../host.ts';
import type { Target } from './inspector.ts';
import { findKallsyms, lookUp, type Symbols } from './kallsyms.ts';

const MIB = 2 ** 20,
  /** So far below and above its code a kernel's read-only data lie: they follow its text, and the text that it needs only at its start follows them. */
  BELOW_MIB = 16,
  ABOVE_MIB = 40,
  /** Where one was looked for, it is not looked for again within this many bytes. */
  TRIED_BYTES = 2 ** 22,
  /** Another system's kernel has no such table anywhere. */
  MOST_TRIES = 6,
  PAGE = 4096;

/** Kernels live in the upper half of a linear address space (Linux: CONFIG_VMSPLIT): of one of 64 bits, where addresses have signs, or of 32. */
const isKernel = (address: number): boolean => address < 0 || (address >= 2 ** 31 && address < 2 ** 32);

/** One guest's. */
class GuestSymbols {
  private readonly found: Symbols[] = [];
  private readonly tried = new Set<number>();
  private searches = false;

  constructor(id: number) {
    host.inspect('symbols', id).then(
      ({ addresses, names }) => {
        if (names.length > 0)
          this.found.push({ count: names.length, at: address => lookUp(addresses, address, index => names[index]!) });
      },
      () => {},
    );
  }

  at(ip: number, stateOf: () => VcpuState | undefined): string {
    for (const symbols of this.found) {
      const symbol = symbols.at(ip);
      if (symbol?.name) return symbol.offset === 0 ? symbol.name : `${symbol.name}+0x${symbol.offset.toString(16)}`;
    }
    if (
      isKernel(ip) &&
      this.found.length === 0 &&
      !this.searches &&
      this.tried.size < MOST_TRIES &&
      !this.tried.has(Math.floor(ip / TRIED_BYTES))
    ) {
      const state = stateOf();
      if (state) void this.search(state, ip);
    }
    return '';
  }

  /** Piece by piece, so that the page goes on meanwhile. What is not mapped reads as 0: the kernel has given back what it needs no more. */
  private async search(state: VcpuState, ip: number): Promise<void> {
    this.searches = true;
    this.tried.add(Math.floor(ip / TRIED_BYTES));
    const from = (Math.floor(ip / PAGE) - (BELOW_MIB * MIB) / PAGE) * PAGE,
      bytes = new Uint8Array((BELOW_MIB + ABOVE_MIB) * MIB);
    for (let done = 0; done < bytes.length; done += MIB) {
      for (let at = done; at < done + MIB; at += PAGE)
        bytes.set(state.bytesAt(state.isLong ? from + at : (from + at) >>> 0, PAGE), at);
      await new Promise(resolve => setTimeout(resolve));
    }
    const symbols = findKallsyms(bytes);
    if (symbols) this.found.push(symbols);
    this.searches = false;
  }
}

/** Of a machine's memory, by domain: numbers are not given twice in its life. */
const known = new WeakMap<ArrayBufferLike, Map<number, GuestSymbols>>();

/** `function+0xoffset` of an instruction; '' where it is not known, or not yet. `stateOf`: a vCPU in whose address space it lies. */
export function symbolAt(
  machine: MachineView,
  domain: number,
  ip: number,
  stateOf: () => VcpuState | undefined,
): string {
  const memory = machine.memory.words.buffer;
  let guests = known.get(memory);
  if (!guests) known.set(memory, (guests = new Map()));
  let guest = guests.get(domain);
  if (!guest) guests.set(domain, (guest = new GuestSymbols(domain)));
  return guest.at(ip, stateOf);
}

/** The same for one vCPU that is looked at. */
export const namer =
  ({ machine, session }: Target, state: VcpuState) =>
  (address: number): string =>
    machine && session ? symbolAt(machine, session.id, address, () => state) : '';
