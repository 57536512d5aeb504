/**
 * Why an exit came about: its qualification bit by bit, and a sentence in the words of the host's hypervisor. Sources: SDM vol. 3, tables 28-1 to 28-7; for a
 * hypervisor without VT, its own interrupt table.
 */
import { ExitReason } from '../../cpu/architecture/index.ts';
import { exitSource, exitTitle, vectorOf } from '../../hypervisor/view/index.ts';
import {
  type Answerer,
  type Chip,
  type ChipOwner,
  type Deed,
  type ExitWords,
  hex,
  type MemoryAccess,
  type ModelPlace,
  type NamedReason,
  type PortAccess,
  type ExitFacts,
} from './explained/exit-words.ts';
import { exitWords } from './explained/index.ts';
import type { Why } from './inspector.ts';

export type { Answerer, Deed } from './explained/exit-words.ts';

export interface Explained {
  /** Bits of the qualification, their value, what they mean. */
  fields: readonly (readonly [bits: string, value: string, meaning: string])[];
  why: Why;
}

/** Who answers at which ports of a PC (the first and last of each); `chip`: the hypervisor may do so itself. The first DMA controller's name is each hypervisor's own. */
const PORTS: readonly (readonly [first: number, last: number, what: string, chip?: Chip])[] = [
  [0x20, 0x21, 'first 8259A interrupt controller', 'first PIC'],
  [0x40, 0x43, '8254 timer', 'PIT'],
  [0x60, 0x60, 'keyboard controller, data'],
  [0x61, 0x61, 'speaker and timer 2', 'speaker'],
  [0x64, 0x64, 'keyboard controller, status and commands'],
  [0x70, 0x71, 'real-time clock', 'RTC'],
  [0x80, 0x8f, 'POST code and DMA pages'],
  [0x92, 0x92, 'system port A: A20 and reset'],
  [0xa0, 0xa1, 'second 8259A interrupt controller', 'second PIC'],
  [0xb2, 0xb3, 'power management commands', 'APM'],
  [0xe9, 0xe9, 'debug console', 'debug console'],
  [0xf0, 0xf1, 'coprocessor error', 'coprocessor'],
  [0x170, 0x177, 'second IDE channel'],
  [0x1f0, 0x1f0, 'first IDE channel, data'],
  [0x1f1, 0x1f7, 'first IDE channel, registers'],
  [0x376, 0x376, 'second IDE channel, control'],
  [0x378, 0x37a, 'parallel port'],
  [0x3b0, 0x3df, 'VGA registers'],
  [0x3f6, 0x3f6, 'first IDE channel, control'],
  [0x2f8, 0x2ff, 'COM2'],
  [0x3f8, 0x3ff, 'COM1, a 16550A'],
  [0x402, 0x402, 'debug console of firmware'],
  [0x4d0, 0x4d1, 'edge or level of interrupts', 'ELCR'],
  [0x510, 0x51b, 'fw_cfg'],
  [0x600, 0x603, 'ACPI power management, events', 'PM events'],
  [0x608, 0x60b, 'ACPI timer', 'PM timer'],
  [0x600, 0x63f, 'ACPI power management', 'PM'],
  [0xb000, 0xb003, 'ACPI power management, events', 'PM events'],
  [0xb008, 0xb00b, 'ACPI timer', 'PM timer'],
  [0xb000, 0xb03f, 'ACPI power management', 'PM'],
  [0xcf8, 0xcff, 'PCI configuration'],
  [0x1ce, 0x1d0, 'VBE registers'],
];
const LAST_DMA_PORT = 0x1f;
/** The same for pages of memory. For what is in none of them the device model answers. */
const MMIO: readonly (readonly [first: number, last: number, what: string, chip?: Chip])[] = [
  [0xa0000, 0xbffff, 'window of the VGA adapter'],
  [0xfec00000, 0xfec00fff, 'I/O APIC', 'I/O APIC'],
  [0xfed00000, 0xfed003ff, 'HPET', 'HPET'],
  [0xfee00000, 0xfee00fff, 'local APIC', 'local APIC'],
];

interface Device {
  what: string | undefined;
  chip: ChipOwner;
}
const found = (rows: typeof PORTS, at: number, { chips }: ExitWords): Device => {
  const [, , what, chip] = rows.find(([first, last]) => at >= first && at <= last) ?? [];
  return { what, chip: chip ? chips[chip] : 'model' };
};
const portOf = (port: number, words: ExitWords): Device =>
  port <= LAST_DMA_PORT ? { what: words.dmaPorts, chip: 'model' } : found(PORTS, port, words);
const mmioOf = (address: number | undefined, words: ExitWords): Device =>
  address === undefined ? { what: undefined, chip: 'model' } : found(MMIO, address, words);

/** The device behind a port within a sentence; a name has no article. */
const theDevice = (what: string): string => (/^(COM|fw_cfg|no |a )/.test(what) ? what : `the ${what}`);
/** Ports from here on are those of cards on the PCI bus. */
const FIRST_PCI_PORT = 0xc000;

function portAccess({ qualification: q }: ExitFacts, words: ExitWords): PortAccess & { what: string } {
  const port = q >>> 16,
    { what: known, chip } = portOf(port, words),
    what = known ?? (port >= FIRST_PCI_PORT ? 'a device on the PCI bus' : 'no device that this page knows by its port');
  return {
    port: hex(port),
    isIn: (q & 8) !== 0,
    bytes: (q & 7) + 1,
    isString: (q & 16) !== 0,
    device: theDevice(what),
    shortDevice: theDevice(known?.split(/[,:]/)[0] ?? 'device behind the port'),
    chip,
    what,
  };
}
const memoryAccess = ({ qualification: q, detail }: ExitFacts, words: ExitWords): MemoryAccess => {
  const { what, chip } = mmioOf(detail, words);
  return {
    how: q & 2 ? 'writes' : q & 4 ? 'fetches' : 'reads',
    address: detail === undefined ? undefined : hex(detail, 8),
    lacksRight: (q & 0x38) !== 0,
    device: what,
    chip,
  };
};

const CR_ACCESS = ['MOV to the register', 'MOV from the register', 'CLTS', 'LMSW'];

function io(exit: ExitFacts, words: ExitWords): Explained {
  const { qualification: q } = exit,
    access = portAccess(exit, words),
    { isIn, bytes, isString, what } = access;
  return {
    fields: [
      ['31–16', hex(q >>> 16, 4), `port: ${what}`],
      ['6', q & 64 ? '1' : '0', q & 64 ? 'the port is in the instruction' : 'the port is in DX'],
      ['5', q & 32 ? '1' : '0', q & 32 ? 'REP prefix' : 'no REP prefix'],
      ['4', isString ? '1' : '0', isString ? 'string instruction' : 'no string instruction'],
      ['3', isIn ? '1' : '0', `direction: ${isIn ? 'IN' : 'OUT'}`],
      ['2–0', String(bytes - 1), `size: ${bytes} byte${bytes > 1 ? 's' : ''}`],
    ],
    why: { question: 'Why an exit?', answer: words.io(access), source: 'Intel SDM vol. 3, table 28-5' },
  };
}

function ept(exit: ExitFacts, words: ExitWords): Explained {
  const { qualification: q } = exit;
  const bit = (n: number, yes: string, no: string): readonly [string, string, string] => [
    String(n),
    q & (1 << n) ? '1' : '0',
    q & (1 << n) ? yes : no,
  ];
  return {
    fields: [
      bit(0, 'a read', 'no read'),
      bit(1, 'a write', 'no write'),
      bit(2, 'a fetch', 'no fetch'),
      bit(3, 'the entry allows reads', 'the entry allows no reads'),
      bit(4, 'the entry allows writes', 'the entry allows no writes'),
      bit(5, 'the entry allows fetches', 'the entry allows no fetches'),
      bit(7, 'its linear address is known', 'no linear address'),
      bit(8, 'after the guest’s own tables', 'in a walk of the guest’s tables'),
    ],
    why: {
      question: 'Why an exit?',
      answer: words.ept(memoryAccess(exit, words)),
      source: 'Intel SDM vol. 3, table 28-7',
    },
  };
}

function crAccess({ qualification: q }: ExitFacts, words: ExitWords): Explained {
  const cr = q & 15,
    how = (q >>> 4) & 3;
  return {
    fields: [
      ['3–0', String(cr), `CR${cr}`],
      ['5–4', String(how), CR_ACCESS[how]!],
      ['11–8', String((q >>> 8) & 15), 'general register'],
    ],
    why: {
      question: 'Why an exit?',
      answer: words.crAccess(cr, CR_ACCESS[how]!),
      source: 'Intel SDM vol. 3, table 28-3',
    },
  };
}

/** Reasons besides those above of which the qualification says something; of others it is to be overlooked (SDM vol. 3, 28.2.1). */
const QUALIFIED: ReadonlySet<number> = new Set([
  ExitReason.EXCEPTION_OR_NMI,
  ExitReason.TASK_SWITCH,
  ExitReason.INVLPG,
  ExitReason.DR_ACCESS,
  ExitReason.MONITOR,
  ExitReason.MWAIT,
]);

const NAMES: ReadonlyMap<number, string> = new Map(Object.entries(ExitReason).map(([name, reason]) => [reason, name]));
/** What is said of a reason by its name; undefined: nothing of its own. */
const byReason = <T>(each: Readonly<Record<NamedReason, T>>, reason: number): T | undefined =>
  (each as Readonly<Record<string, T>>)[NAMES.get(reason) ?? ''];

/** What is known of an exit in words. */
export function explainExit(exit: ExitFacts, words: ExitWords = exitWords()): Explained {
  const { reason, qualification } = exit;
  if (vectorOf(reason) >= 0 && words.trap)
    // No VM exit: there is no qualification.
    return { fields: [], why: { ...words.trap(exit), source: exitSource(reason) } };
  if (reason === ExitReason.IO) return io(exit, words);
  if (reason === ExitReason.EPT_VIOLATION) return ept(exit, words);
  if (reason === ExitReason.CR_ACCESS) return crAccess(exit, words);
  const fields: Explained['fields'] =
    qualification === 0 || !QUALIFIED.has(reason) ? [] : [['31–0', hex(qualification, 8), 'as the reason has it']];
  return {
    fields,
    why: {
      question: 'Why an exit?',
      answer: byReason(words.sentences, reason)?.(exit) ?? words.other(exitTitle(reason)),
      source: exitSource(reason),
    },
  };
}

/** Who answers an exit besides the hypervisor's handler, in a word or two, and whose that is. */
export function answererOf(
  { reason, qualification, detail, call }: ExitFacts,
  model: ModelPlace = 'stub',
  words: ExitWords = exitWords(),
): Answerer {
  if (reason === ExitReason.VMCALL || reason === ExitReason.VMMCALL)
    return { name: call ? words.callName(call.number) : 'hypercall', by: 'xen' };
  const isModel =
    (reason === ExitReason.IO && portOf(qualification >>> 16, words).chip === 'model') ||
    (reason === ExitReason.EPT_VIOLATION && mmioOf(detail, words).chip === 'model');
  return isModel ? words.models[model] : { name: words.chipName, by: 'xen' };
}

/** Who handles an exit, one after the other, and what each does. `model`: where the domain's devices are emulated. */
export function wayOf(exit: ExitFacts, model: ModelPlace = 'stub', words: ExitWords = exitWords()): readonly Deed[] {
  const { reason } = exit,
    { deeds } = words,
    vector = vectorOf(reason);
  if (vector >= 0 && deeds.trap)
    return [['Processor', 'leaves the guest’s ring'], ...deeds.trap(vector), ['Guest', 'goes on']];
  if (reason === ExitReason.TRIPLE_FAULT)
    return [['Processor', 'shuts down: exit 2'], ...deeds.reasons.TRIPLE_FAULT(exit)];
  const handled =
    reason === ExitReason.IO
      ? deeds.io(portAccess(exit, words), model)
      : reason === ExitReason.EPT_VIOLATION
        ? deeds.ept(memoryAccess(exit, words), model)
        : reason === ExitReason.CR_ACCESS
          ? deeds.crAccess
          : (byReason(deeds.reasons, reason)?.(exit) ?? deeds.other(exitTitle(reason)));
  return [['Processor', `leaves the guest: exit ${reason}`], deeds.first, ...handled, ['Guest', 'goes on']];
}

export const explainHypercall = (number: number, words: ExitWords = exitWords()): Why =>
  words.whyCall(words.callName(number));
