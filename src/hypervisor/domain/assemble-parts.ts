/** The one place where a domain gets its parts: processor, PC, disassembler, and what is handed in: what its guest sees, and a saved state. */
import { createProcessor } from '../../cpu/index.ts';
import { DECODED, decode, disassemble, newDecoded } from '../../cpu/table/index.ts';
import { BareHvmBoard, Pc, type PvhBoard } from '../../devices/index.ts';
import type { CardWire } from './card-wire.ts';
import type { wired } from './nic.ts';
import { Domain } from './domain.ts';
import type { DomainOptions } from './domain-options.ts';
import { LAST_CODE_KEPT } from '../layout/layout.ts';
import type { DomainRecord, Machine } from '../memory/machine.ts';

export type PartlessOptions = Omit<DomainOptions, 'createProcessor' | 'createPlatform' | 'guest' | 'disassemble'>;

/** What the domain's entry in the domain table or its saved state asks for: the browser's worker loads it for one that does. */
export interface DomainParts extends Pick<DomainOptions, 'guest' | 'shadow' | 'lastCode'> {
  saved?: Restored | undefined;
  /** The board of a guest that comes without a PC. */
  pvhBoard?: typeof PvhBoard;
  /** What has network cards wired. */
  wired?: typeof wired;
}

/** Its vCPUs' last instructions are kept. */
export const keepsCode = (machine: Machine, { vcpuOffset }: DomainRecord): boolean =>
  machine.words[(vcpuOffset >>> 2) + LAST_CODE_KEPT] !== 0;

/** A saved state, as far as a domain is built after it, and how the rest comes into the domain. */
export interface Restored {
  about: Pick<DomainOptions, 'apic' | 'cards' | 'cpuLevel'>;
  /** Absent: the caller that assembles it does that (Domain.restore). @throws SavedStateError, HostError */
  into?(domain: Domain): void;
}

/** @throws LoadError, HostError, SavedStateError: a sentence; the domain's record is then to be destroyed. */
export function assembleWith(
  options: PartlessOptions,
  { guest, shadow, lastCode, saved, pvhBoard, wired }: DomainParts,
): Domain {
  // A processor with a local APIC needs a board with one: a saved domain gets back what it had.
  const apic = saved ? (saved.about.apic ?? false) : (options.apic ?? true);
  const { cards = [], cpuLevel } = saved ? saved.about : options;
  const wires = new Map<number, CardWire>();
  const whole: DomainOptions = {
    ...options,
    apic,
    cards,
    wires,
    ...(cpuLevel ? { cpuLevel } : {}),
    createProcessor,
    guest,
    ...(shadow ? { shadow } : {}),
    ...(lastCode ? { lastCode } : {}),
    createPlatform: board => {
      if (board.acpi && board.board === 'local-apics') return new pvhBoard!({ ...board, acpi: board.acpi });
      if (board.board === 'hypervisors-devices') return new BareHvmBoard(board);
      const attached = cards.map(card => wired!(options.machine, options.record, board.timers, card, board.io));
      for (const { place, ethernet } of attached) wires.set(place, ethernet);
      return new Pc({ ...board, cards: attached });
    },
    disassemble: disassembleOne,
  };
  const into = saved?.into;
  return new Domain(whole, saved && (into ? domain => into(domain) : 'later'));
}

function disassembleOne(bytes: Uint8Array, address: number, bits: 16 | 32 | 64): { text: string; length: number } {
  const decoded = newDecoded();
  const length = decode(bytes, 0, bytes.length, bits, decoded) === DECODED ? decoded.length : 1;
  return { text: disassemble(decoded, address, 'intel', bytes.subarray(0, length)), length };
}
