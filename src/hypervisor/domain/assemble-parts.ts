/** The one place where a domain gets its parts: processor, PC, disassembler, and what is handed in of Xen and of a saved state. */
import { createProcessor } from '../../cpu/index.ts';
import { DECODED, decode, disassemble, newDecoded } from '../../cpu/table/index.ts';
import { BareHvmBoard, Pc, PvhBoard } from '../../devices/index.ts';
import { type WiredCard, wired } from './nic.ts';
import { Domain, type DomainOptions } from './domain.ts';
import type { SavedState } from '../stream/saved-state.ts';
import { ACPI_TABLES, RSDP } from '../xen/memory/memory-map.ts';

export type PartlessOptions = Omit<
  DomainOptions,
  'createProcessor' | 'createPlatform' | 'createXen' | 'createRemote' | 'disassemble'
>;

/** What not every domain needs: the browser's worker loads it for one that does. */
export interface LaterParts extends Pick<DomainOptions, 'createXen' | 'createRemote'> {
  saved?: SavedState | undefined;
  restoreInto?: (domain: Domain, saved: SavedState) => void;
}

/** @throws LoadError, HostError, SavedStateError: a sentence; the domain's record is then to be destroyed. */
export function assembleWith(
  options: PartlessOptions,
  { createXen, createRemote, saved, restoreInto }: LaterParts,
): Domain {
  // A processor with a local APIC needs a board with one: a saved domain gets back what it had.
  const apic = saved ? (saved.about.apic ?? false) : (options.apic ?? true);
  const { nic, mac } = saved ? saved.about : options;
  let card: WiredCard | undefined;
  const whole: DomainOptions = {
    ...options,
    apic,
    ...(nic ? { nic } : {}),
    ...(mac ? { mac } : {}),
    createProcessor,
    ...(createXen ? { createXen } : {}),
    ...(createRemote ? { createRemote } : {}),
    createPlatform: board =>
      board.xen === 'pvh'
        ? new PvhBoard({ ...board, acpi: { rsdp: RSDP, tables: ACPI_TABLES } })
        : board.modelElsewhere
          ? new BareHvmBoard({ ...board, xenPlatform: true })
          : new Pc({
              ...board,
              ...(nic
                ? { nic: (card = wired(options.machine, options.record, board.timers, { nic, mac }, board.io)) }
                : {}),
              ...(board.xen ? { xenPlatform: true, testDevice: false } : {}),
            }),
    arrivals: () => card?.ethernet.poll(),
    disassemble: disassembleOne,
  };
  return new Domain(whole, saved && restoreInto ? domain => restoreInto(domain, saved) : undefined);
}

function disassembleOne(bytes: Uint8Array, address: number, bits: 16 | 32): { text: string; length: number } {
  const decoded = newDecoded();
  const length = decode(bytes, 0, bytes.length, bits, decoded) === DECODED ? decoded.length : 1;
  return { text: disassemble(decoded, address, 'intel', bytes.subarray(0, length)), length };
}
