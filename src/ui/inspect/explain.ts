/** Why an exit came about: its qualification bit by bit, and a sentence. Sources: SDM vol. 3, tables 28-1 to 28-7; for a hypervisor without VT, Xen's own interrupt table. */
import { exceptionName, exitSource, exitTitle, HYPERCALL_VECTOR, vectorOf } from '../../hypervisor/view/index.ts';
import { ExitReason } from '../../cpu/architecture/index.ts';
import { hypercallName } from '../../hypervisor/interfaces/xen/index.ts';
import type { Why } from './inspector.ts';
import { isWithout, said } from '../without-xen.ts';

export interface Explained {
  /** Bits of the qualification, their value, what they mean. */
  fields: readonly (readonly [bits: string, value: string, meaning: string])[];
  why: Why;
}

interface Told {
  reason: number;
  qualification: number;
  /** What the exit was about next to it: a port's value, an address, ECX, a hypercall's number. */
  detail?: number;
  /** The hypercall that came by it, once it is done. */
  call?: { number: number; result: number };
}

const hex = (value: number, digits = 0): string => `0x${(value >>> 0).toString(16).padStart(digits, '0')}`;

/** Who answers at which ports of a PC (the first and last of each), and for whom that is emulated. */
const PORTS: readonly (readonly [first: number, last: number, what: string, byXen?: string | true])[] = [
  [0x00, 0x1f, 'DMA controller, or the switch that unplugs emulated devices (0x10)'],
  [0x20, 0x21, 'first 8259A interrupt controller', 'vpic_intercept_pic_io'],
  [0x40, 0x43, '8254 timer', 'handle_pit_io'],
  [0x60, 0x60, 'keyboard controller, data'],
  [0x61, 0x61, 'speaker and timer 2', 'handle_speaker_io'],
  [0x64, 0x64, 'keyboard controller, status and commands'],
  [0x70, 0x71, 'real-time clock', 'handle_rtc_io'],
  [0x80, 0x8f, 'POST code and DMA pages'],
  [0x92, 0x92, 'system port A: A20 and reset'],
  [0xa0, 0xa1, 'second 8259A interrupt controller', 'vpic_intercept_pic_io'],
  [0xb2, 0xb3, 'power management commands', true],
  [0xe9, 0xe9, 'debug console', 'hvm_print_line'],
  [0xf0, 0xf1, 'coprocessor error', true],
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
  [0x4d0, 0x4d1, 'edge or level of interrupts', 'vpic_intercept_elcr_io'],
  [0x510, 0x51b, 'fw_cfg'],
  [0x600, 0x603, 'ACPI power management, events', 'handle_evt_io'],
  [0x608, 0x60b, 'ACPI timer', 'handle_pmt_io'],
  [0x600, 0x63f, 'ACPI power management', true],
  [0xb000, 0xb003, 'ACPI power management, events', 'handle_evt_io'],
  [0xb008, 0xb00b, 'ACPI timer', 'handle_pmt_io'],
  [0xb000, 0xb03f, 'ACPI power management', true],
  [0xcf8, 0xcff, 'PCI configuration'],
  [0x1ce, 0x1d0, 'VBE registers'],
];
/** The same for pages of memory: Xen's own are those of register_mmio_handler (xen/arch/x86/hvm/vlapic.c, vioapic.c). What is in none of them the device model answers for. */
const MMIO: readonly (readonly [first: number, last: number, what: string, byXen?: string])[] = [
  [0xa0000, 0xbffff, 'window of the VGA adapter'],
  [0xfec00000, 0xfec00fff, 'I/O APIC', 'vioapic_write'],
  [0xfed00000, 0xfed003ff, 'HPET', 'hpet_write'],
  [0xfee00000, 0xfee00fff, 'local APIC', 'vlapic_mmio_write'],
];
/** KVM has the interrupt controllers and the 8254 in the kernel (KVM_CREATE_IRQCHIP, KVM_CREATE_PIT2); QEMU answers for all else. */
const IN_KERNEL = /pic|pit|speaker/;
const ofHost = <Row extends readonly unknown[]>(row: Row | undefined): Row | undefined =>
  row && isWithout() && !IN_KERNEL.test(String(row[3])) ? (row.slice(0, 3) as unknown as Row) : row;
const mmioOf = (address: number | undefined) =>
  address === undefined ? undefined : ofHost(MMIO.find(([first, last]) => address >= first && address <= last));

/** The device behind a port within a sentence; a name has no article. */
const theDevice = (what: string): string => (/^(COM|fw_cfg|no |a )/.test(what) ? what : `the ${what}`);
const portOf = (port: number) => ofHost(PORTS.find(([first, last]) => port >= first && port <= last));

const CR_ACCESS = ['MOV to the register', 'MOV from the register', 'CLTS', 'LMSW'];

function io({ qualification: q }: Told): Explained {
  const port = q >>> 16,
    size = (q & 7) + 1,
    isIn = (q & 8) !== 0,
    known = portOf(port);
  const what =
    known?.[2] ?? (port >= 0xc000 ? 'a device on the PCI bus' : 'no device that this page knows by its port');
  return {
    fields: [
      ['31–16', hex(port, 4), `port: ${what}`],
      ['6', q & 64 ? '1' : '0', q & 64 ? 'the port is in the instruction' : 'the port is in DX'],
      ['5', q & 32 ? '1' : '0', q & 32 ? 'REP prefix' : 'no REP prefix'],
      ['4', q & 16 ? '1' : '0', q & 16 ? 'string instruction' : 'no string instruction'],
      ['3', isIn ? '1' : '0', `direction: ${isIn ? 'IN' : 'OUT'}`],
      ['2–0', String(size - 1), `size: ${size} byte${size > 1 ? 's' : ''}`],
    ],
    why: {
      question: 'Why an exit?',
      answer: `The guest ${isIn ? 'reads' : 'writes'} port ${hex(port)} (${theDevice(what)}), and owns no real one: ${known?.[3] ? 'Xen' : 'its device model'} emulates it.`,
      source: 'Intel SDM vol. 3, table 28-5',
    },
  };
}

function ept({ qualification: q, detail }: Told): Explained {
  const how = q & 2 ? 'writes' : q & 4 ? 'fetches' : 'reads';
  const bit = (n: number, yes: string, no: string): readonly [string, string, string] => [
    String(n),
    q & (1 << n) ? '1' : '0',
    q & (1 << n) ? yes : no,
  ];
  const at = detail === undefined ? 'an address' : `guest-physical address ${hex(detail, 8)}`;
  const known = mmioOf(detail);
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
      answer: `The guest ${how} ${at}, where the second stage has ${q & 0x38 ? 'a page without that right' : 'no memory'}: ${known?.[3] ? `it is the ${known[2]}, which Xen emulates.` : known ? `it is the ${known[2]}, which the device model paints from.` : q & 0x38 ? 'Xen decides what is to become of the page.' : 'a device, or memory that has to be put there first.'}`,
      source: 'Intel SDM vol. 3, table 28-7',
    },
  };
}

const numberOf = ({ detail, call }: Told): number | undefined => call?.number ?? detail;
const callOf = (told: Told): string =>
  numberOf(told) === undefined ? 'a hypercall' : `hypercall ${numberOf(told)}, ${hypercallName(numberOf(told)!)}`;
const forWhat = (told: Told): string => HYPERCALLS[hypercallName(numberOf(told) ?? -1)] ?? '';

const PAGE_FAULT = 14;

const SENTENCES: Readonly<Record<number, (told: Told) => string>> = {
  [ExitReason.EXCEPTION_OR_NMI]: ({ detail }) =>
    `Xen asked to see ${detail === undefined ? 'this exception' : exceptionName(detail)}: its bit in the exception bitmap is set. ${detail === PAGE_FAULT ? 'With shadow page tables (hap = 0) it is often none of the guest’s: Xen enters what the shadow lacked, or does the access to a device, and the guest goes on. Else ' : ''}Xen gives it back to the guest, which finds no difference.`,
  [ExitReason.EXTERNAL_INTERRUPT]: () =>
    'Somebody rang the domain’s doorbell: a key, an event or a command waits, and the guest must not keep the processor.',
  [ExitReason.TRIPLE_FAULT]: () =>
    'An exception could not be delivered, nor the double fault that followed. A PC resets here; Xen reads on_crash or on_reboot.',
  [ExitReason.INTERRUPT_WINDOW]: () =>
    'An interrupt waited while the guest had them off. Now it takes them, so Xen gets control to inject it.',
  [ExitReason.NMI_WINDOW]: () => 'A non-maskable interrupt waited until the last one was over.',
  [ExitReason.TASK_SWITCH]: () => 'VT-x does no hardware task switches: Xen carries them out.',
  [ExitReason.CPUID]: () => 'CPUID always exits under VT-x. Xen decides which features the guest sees.',
  [ExitReason.HLT]: () =>
    'The guest has nothing to do until the next interrupt. Xen blocks this vCPU and gives the processor to another one.',
  [ExitReason.INVLPG]: () =>
    'Xen keeps shadow page tables (hap = 0) and must hear of INVLPG, or somebody chose that it exits. Xen drops the translation in the guest’s place.',
  [ExitReason.RDTSC]: () =>
    'Somebody chose that RDTSC exits. Xen reads the counter, adds the guest’s offset, and the guest goes on behind it.',
  [ExitReason.RDTSCP]: () => 'As RDTSC, with the number of the processor: one control makes both exit.',
  [ExitReason.VMCALL]: told =>
    `The guest calls Xen on purpose, as a program calls its kernel: ${callOf(told)}. ${forWhat(told)}`.trimEnd(),
  [ExitReason.VMMCALL]: told =>
    `The guest calls Xen on purpose, in AMD’s spelling: ${callOf(told)}. ${forWhat(told)}`.trimEnd(),
  [ExitReason.RDMSR]: ({ detail }) =>
    `The guest reads model-specific register ${detail === undefined ? '' : hex(detail)}, which belongs to the real processor: Xen answers for it.`,
  [ExitReason.WRMSR]: ({ detail }) =>
    `The guest writes model-specific register ${detail === undefined ? '' : hex(detail)}, which belongs to the real processor: Xen checks the value first.`,
  [ExitReason.MWAIT]: () => 'The guest waits for a store to a line of memory. Xen blocks this vCPU meanwhile.',
  [ExitReason.PAUSE]: () => 'The guest spins on a lock; perhaps its holder has no processor. Xen may run another vCPU.',
  [ExitReason.PREEMPTION_TIMER]: () => 'The time that Xen gave the guest, or the time until its next timer, is over.',
  [ExitReason.WBINVD]: () => 'Writing back all caches would hurt every guest.',
  [ExitReason.XSETBV]: () => 'XSETBV always exits: which registers are saved is Xen’s business.',
  [ExitReason.FERR]: () =>
    'An x87 error is signalled by a pin here, as on a PC with a separate coprocessor: the chip set turns it into IRQ 13.',
};

function crAccess({ qualification: q }: Told): Explained {
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
      answer:
        cr === 3
          ? `Xen keeps shadow page tables (hap = 0), or somebody chose that ${CR_ACCESS[how]} CR3 exits. Xen does it in the guest’s place.`
          : `The guest changes bits of CR${cr} that Xen keeps for itself: ${CR_ACCESS[how]}. Where it keeps shadow page tables (hap = 0) the rules of paging are among them.`,
      source: 'Intel SDM vol. 3, table 28-3',
    },
  };
}

/** Vectors below are exceptions (SDM vol. 3, table 6-1). */
const FIRST_FREE_VECTOR = 32;
function vector({ reason, detail }: Told): Explained {
  const number = vectorOf(reason);
  const answer =
    number === HYPERCALL_VECTOR
      ? 'The kernel asks Xen for something: INT 0x82 is the door that a 32-bit paravirtual guest finds in its hypercall page. It runs in ring 1, so every interrupt gate is Xen’s.'
      : number === 14
        ? `A page fault${detail ? ` at ${hex(detail, 8)}` : ''}. Exceptions of a paravirtual guest go through Xen’s interrupt table; Xen hands this one to the guest’s own handler, or fixes its page tables.`
        : number === 13
          ? 'A kernel in ring 1 used an instruction of ring 0. Xen emulates those that a paravirtual kernel may use, and hands the others back as #GP.'
          : number === 7
            ? 'Xen has set CR0.TS, so that the registers of the x87 are loaded only for who uses them.'
            : number >= FIRST_FREE_VECTOR
              ? 'A program calls its kernel by INT n. A paravirtual kernel has no interrupt table of its own: software interrupts go through Xen’s, which bounces this one to the handler that the guest named.'
              : number === 3
                ? 'INT3, a debugger’s breakpoint: an exception that an instruction asks for. Xen’s own table has it, and bounces it to the handler that the guest named.'
                : 'A paravirtual kernel has no interrupt table of its own: exceptions go through Xen’s, which bounces this one to the handler that the guest named.';
  return {
    fields: [['7–0', String(number), exitTitle(reason)]],
    why: { question: 'Why through Xen?', answer, source: exitSource(reason) },
  };
}

/** Reasons next to those above of which the qualification says something; of others it is to be overlooked (SDM vol. 3, 28.2.1). */
const QUALIFIED: ReadonlySet<number> = new Set([
  ExitReason.EXCEPTION_OR_NMI,
  ExitReason.TASK_SWITCH,
  ExitReason.INVLPG,
  ExitReason.DR_ACCESS,
  ExitReason.MONITOR,
  ExitReason.MWAIT,
]);

/** What is known of an exit in words. */
export function explainExit(told: Told): Explained {
  const { reason, qualification } = told;
  if (vectorOf(reason) >= 0) return vector(told);
  if (reason === ExitReason.IO) return io(told);
  if (reason === ExitReason.EPT_VIOLATION) return ept(told);
  if (reason === ExitReason.CR_ACCESS) return crAccess(told);
  const fields: Explained['fields'] =
    qualification === 0 || !QUALIFIED.has(reason) ? [] : [['31–0', hex(qualification, 8), 'as the reason has it']];
  return {
    fields,
    why: {
      question: 'Why an exit?',
      answer: SENTENCES[reason]?.(told) ?? `${exitTitle(reason)} gives Xen control, whatever the guest wants.`,
      source: exitSource(reason),
    },
  };
}

export interface Answerer {
  name: string;
  by: 'xen' | 'guest' | 'Domain-0';
}
/** Who answers an exit next to Xen's handler, in a word or two, and whose that is. */
export function answererOf(
  { reason, qualification, detail, call }: Told,
  model: keyof typeof MODELS = 'stub',
): Answerer {
  if (reason === ExitReason.VMCALL || reason === ExitReason.VMMCALL)
    return { name: call ? hypercallName(call.number) : 'hypercall', by: 'xen' };
  const own =
    reason === ExitReason.IO
      ? portOf(qualification >>> 16)?.[3]
      : reason === ExitReason.EPT_VIOLATION
        ? mmioOf(detail)?.[3]
        : true;
  if (own) return { name: said('Xen’s chip'), by: 'xen' };
  if (isWithout()) return { name: 'QEMU', by: 'guest' };
  return model === 'stub' ? { name: 'device model', by: 'guest' } : { name: 'Domain-0', by: 'Domain-0' };
}

const MODELS = { stub: 'Its device model', 'Domain-0': 'Its model in Domain-0' };

/** Who does what about an exit; `code`: what Xen 4.17 calls the function that does it, where it is one (xen/arch/x86/hvm, xen/common). */
export type Deed = readonly [who: string, does: string, code?: string | undefined];

const REASON_CODE: Readonly<Record<number, string>> = {
  [ExitReason.CPUID]: 'hvm_vmexit_cpuid',
  [ExitReason.CR_ACCESS]: 'vmx_cr_access',
  [ExitReason.INVLPG]: 'vmx_invlpg_intercept',
  [ExitReason.RDMSR]: 'hvm_msr_read_intercept',
  [ExitReason.RDTSC]: 'hvm_rdtsc_intercept',
  [ExitReason.TASK_SWITCH]: 'hvm_task_switch',
  [ExitReason.WBINVD]: 'vmx_wbinvd_intercept',
  [ExitReason.WRMSR]: 'hvm_msr_write_intercept',
  [ExitReason.XSETBV]: 'hvm_handle_xsetbv',
};
const VECTOR_CODE: Readonly<Record<number, string>> = {
  [HYPERCALL_VECTOR]: 'pv_hypercall',
  14: 'do_page_fault',
  13: 'do_general_protection',
  7: 'do_device_not_available',
};
function ioDeeds({ qualification: q }: Told, devices: string): Deed[] {
  const port = q >>> 16,
    known = portOf(port),
    what = theDevice(known?.[2].split(/[,:]/)[0] ?? 'device behind the port');
  return [
    [
      'Xen',
      `reads ${q & 8 ? 'IN' : 'OUT'}, port ${hex(port)}, ${(q & 7) + 1} byte${q & 7 ? 's' : ''}`,
      q & 16 ? 'hvm_emulate_one_insn' : 'handle_pio',
    ],
    ...(known?.[3] ? [] : [['Xen', 'hands it on as a request', 'ioreq_send'] as const]),
    [known?.[3] ? 'Xen' : devices, `emulates ${what}`, typeof known?.[3] === 'string' ? known[3] : undefined],
  ];
}

function eptDeeds({ qualification: q, detail }: Told, devices: string): Deed[] {
  const known = mmioOf(detail),
    looks: Deed = ['Xen', `looks up ${detail === undefined ? 'the address' : hex(detail, 8)}`, 'ept_handle_violation'];
  // The handlers of reads are named as those of writes are.
  if (known?.[3])
    return [looks, ['Xen', `emulates the ${known[2]}`, q & 2 ? known[3] : known[3].replace('write', 'read')]];
  return [
    looks,
    q & 0x38
      ? ['Xen', 'changes the right, or keeps it', 'hvm_hap_nested_page_fault']
      : [devices, known ? `emulates the ${known[2]}` : 'answers, or memory is put there', 'hvm_hap_nested_page_fault'],
  ];
}

/** Who handles an exit, one after the other, and what each does. `model`: where the domain's devices are emulated. */
export function wayOf(told: Told, model: keyof typeof MODELS = 'stub'): Deed[] {
  const { reason } = told,
    devices = MODELS[model];
  const middle = (): Deed[] => {
    if (vectorOf(reason) >= 0)
      return [
        ['Xen', `is entered through gate ${vectorOf(reason)} of its own table`, VECTOR_CODE[vectorOf(reason)]],
        ['Xen', 'emulates, fixes or bounces it'],
      ];
    if (reason === ExitReason.IO) return ioDeeds(told, devices);
    if (reason === ExitReason.EPT_VIOLATION) return eptDeeds(told, devices);
    if (reason === ExitReason.VMCALL || reason === ExitReason.VMMCALL)
      return [
        ['Xen', `looks up ${callOf(told)}`, 'hvm_hypercall'],
        ['Xen', told.call ? `puts the result ${told.call.result} into EAX` : 'puts the result into EAX'],
      ];
    if (reason === ExitReason.HLT || reason === ExitReason.MWAIT)
      return [
        ['Xen', 'blocks the vCPU until an interrupt', reason === ExitReason.HLT ? 'hvm_hlt' : undefined],
        ['Scheduler', 'gives the processor to who waits'],
      ];
    if (reason === ExitReason.PREEMPTION_TIMER || reason === ExitReason.PAUSE)
      return [
        ['Xen', 'looks at timers that are due'],
        ['Scheduler', 'goes on with it, or with who waits'],
      ];
    if (reason === ExitReason.EXTERNAL_INTERRUPT)
      return [
        ['Xen', 'takes what waits at the doorbell', 'vmx_do_extint'],
        ['Xen', 'marks the interrupt or event'],
      ];
    if (reason === ExitReason.INTERRUPT_WINDOW || reason === ExitReason.NMI_WINDOW)
      return [
        ['Xen', 'takes the interrupt that waited'],
        ['Xen', 'injects it with the entry', 'vmx_intr_assist'],
      ];
    return [['Xen', `carries out ${exitTitle(reason)} for the guest`, REASON_CODE[reason]]];
  };
  if (reason === ExitReason.TRIPLE_FAULT)
    return [
      ['Processor', 'shuts down: exit 2'],
      ['Xen', 'asks what a triple fault is to be', 'hvm_triple_fault'],
      ['Xen', 'stops the domain’s vCPUs', 'domain_shutdown'],
      ['Xen', 'sends Domain-0', 'VIRQ_DOM_EXC'],
      ['Domain-0', 'does what on_reboot or on_crash says'],
    ];
  return [
    ['Processor', vectorOf(reason) >= 0 ? 'leaves the guest’s ring' : `leaves the guest: exit ${reason}`],
    ...(vectorOf(reason) >= 0 ? [] : [['Xen', 'looks at the reason', 'vmx_vmexit_handler'] as const]),
    ...middle(),
    ['Guest', 'goes on'],
  ];
}

/** What hypercalls are for, by name. */
const HYPERCALLS: Readonly<Record<string, string>> = {
  sched_op: 'The guest gives its processor up: it yields, blocks until an event, polls some ports, or shuts down.',
  event_channel_op:
    'The guest works with event channels: it sends an event, or binds a port. An event is a bit in a shared page and, if the other side sleeps, a wake-up.',
  grant_table_op: 'The guest maps or copies pages that another domain has granted, or sets up its own grant table.',
  memory_op:
    'The guest asks about its memory, gives pages back, or has some put into its map: what a balloon driver does.',
  mmu_update: 'A paravirtual guest may not write page tables that are in use. Xen checks each entry and writes it.',
  mmuext_op:
    'The guest loads CR3, pins a page table or flushes translations: what it did by instructions on a real machine.',
  update_va_mapping: 'The guest changes one page-table entry and flushes the translation in one call.',
  multicall: 'Several hypercalls in one: the way into Xen is paid for once.',
  set_timer_op: 'The guest asks for an event at a time: its one-shot timer.',
  vcpu_op: 'The guest starts or stops one of its vCPUs, or has Xen write its times into a page.',
  console_io: 'The guest writes to Xen’s own console.',
  xen_version:
    'The guest asks which Xen this is, and what it can do. Linux uses it, too, to have pending events delivered.',
  iret: 'A paravirtual kernel in ring 1 cannot return from an interrupt to ring 3 with all flags: Xen does it.',
  stack_switch:
    'The guest names the stack that its kernel is to have at the next interrupt: what a TSS does on a real machine.',
  hvm_op: 'A fully virtual guest reads or sets a parameter, or names the vector for events.',
  physdev_op: 'The guest asks for something of the physical machine, an interrupt for example.',
};

export const explainHypercall = (name: string): Why => ({
  question: 'Why a hypercall?',
  answer: HYPERCALLS[name] ?? `The guest asks Xen for ${name} in a register convention, as a program asks its kernel.`,
  source: 'xen/include/public/xen.h',
});
