/**
 * What Xen does about VM exits, and why they come. Functions are those of Xen 4.17: xen/arch/x86/hvm, xen/common; the local APIC, the I/O APIC and the HPET are in
 * register_mmio_handler of xen/arch/x86/hvm/vlapic.c and vioapic.c.
 */
import { hypercallName, operationName } from '../../../hypervisor/interfaces/xen/index.ts';
import { exceptionName, HYPERCALL_VECTOR, vectorOf } from '../../../hypervisor/view/index.ts';
import { type Deed, type ExitDeeds, type ExitWords, hex, type ModelPlace, type ExitFacts } from './exit-words.ts';
import { xenCalls } from './xen-calls.ts';

const PAGE_FAULT = 14,
  /** Vectors below are exceptions (SDM vol. 3, table 6-1). */
  FIRST_FREE_VECTOR = 32;

const numberOf = ({ detail, call }: ExitFacts): number | undefined => call?.number ?? detail;
function callOf(exit: ExitFacts): string {
  const number = numberOf(exit);
  return number === undefined ? 'a hypercall' : `hypercall ${number}, ${hypercallName(number)}`;
}
const forWhat = (exit: ExitFacts): string => xenCalls[hypercallName(numberOf(exit) ?? -1)] ?? '';
const register = (detail: number | undefined): string => (detail === undefined ? '' : ` ${hex(detail)}`);

const sentences: ExitWords['sentences'] = {
  EXCEPTION_OR_NMI: ({ detail }) =>
    `Xen asked to see ${detail === undefined ? 'this exception' : exceptionName(detail)}: its bit in the exception bitmap is set. ${detail === PAGE_FAULT ? 'With shadow page tables (hap = 0) most of these are not the guest’s own: Xen enters what the shadow lacked, or does the access to a device, and the guest goes on. Else ' : ''}Xen gives it back to the guest, which finds no difference.`,
  EXTERNAL_INTERRUPT: () =>
    'Somebody rang the domain’s doorbell: a key, an event or a command waits, and the guest must not keep the processor.',
  TRIPLE_FAULT: () =>
    'An exception could not be delivered, nor the double fault that followed. A PC resets here; Xen reads on_crash or on_reboot.',
  INTERRUPT_WINDOW: () =>
    'An interrupt waited while the guest had them off. Now it takes them, so Xen gets control to inject it.',
  NMI_WINDOW: () => 'A non-maskable interrupt waited until the last one was over.',
  TASK_SWITCH: () => 'VT-x does no hardware task switches: Xen carries them out.',
  CPUID: () => 'CPUID always exits under VT-x. Xen decides which features the guest sees.',
  HLT: () =>
    'The guest has nothing to do until the next interrupt. Xen blocks this vCPU and gives the processor to another one.',
  INVLPG: () =>
    'Xen keeps shadow page tables (hap = 0) and must see each INVLPG, or the exit controls ask for it. Xen drops the translation in the guest’s place.',
  RDTSC: () =>
    'The exit controls ask for it. Xen reads the counter, adds the guest’s offset, and the guest goes on behind it.',
  RDTSCP: () => 'As RDTSC, with the number of the processor: one control makes both exit.',
  VMCALL: told =>
    `The guest calls Xen on purpose, as a program calls its kernel: ${callOf(told)}. ${forWhat(told)}`.trimEnd(),
  VMMCALL: told => `The guest calls Xen on purpose, in AMD’s spelling: ${callOf(told)}. ${forWhat(told)}`.trimEnd(),
  RDMSR: ({ detail }) =>
    `The guest reads model-specific register${register(detail)}, which belongs to the real processor: Xen answers for it.`,
  WRMSR: ({ detail }) =>
    `The guest writes model-specific register${register(detail)}, which belongs to the real processor: Xen checks the value first.`,
  MWAIT: () => 'The guest waits for a store to a line of memory. Xen blocks this vCPU meanwhile.',
  PAUSE: () => 'The guest spins on a lock; perhaps its holder has no processor. Xen may run another vCPU.',
  PREEMPTION_TIMER: () => 'The time that Xen gave the guest, or the time until its next timer, is over.',
  WBINVD: () => 'Writing back all caches would slow every guest down, so Xen sees it first.',
  XSETBV: () => 'XSETBV always exits: Xen decides which registers are saved.',
  FERR: () =>
    'An x87 error is signalled by a pin here, as on a PC with a separate coprocessor: the chip set turns it into IRQ 13.',
};

function trapAnswer({ reason, detail }: ExitFacts): string {
  const vector = vectorOf(reason);
  switch (vector) {
    case HYPERCALL_VECTOR:
      return 'The kernel asks Xen for something: INT 0x82 is the door that a 32-bit paravirtual guest finds in its hypercall page. It runs in ring 1, so every interrupt gate is Xen’s.';
    case PAGE_FAULT:
      return `A page fault${detail ? ` at ${hex(detail, 8)}` : ''}. Exceptions of a paravirtual guest go through Xen’s interrupt table; Xen hands this one to the guest’s own handler, or fixes its page tables.`;
    case 13:
      return 'A kernel in ring 1 used an instruction of ring 0. Xen emulates those that a paravirtual kernel may use, and hands the others back as #GP.';
    case 7:
      return 'Xen has set CR0.TS, so that the registers of the x87 are loaded only for a vCPU that uses them.';
    case 3:
      return 'INT3, a debugger’s breakpoint: an exception that an instruction asks for. Xen’s own table has it, and bounces it to the handler that the guest named.';
    default:
      return vector >= FIRST_FREE_VECTOR
        ? 'A program calls its kernel by INT n. A paravirtual kernel has no interrupt table of its own: software interrupts go through Xen’s, which bounces this one to the handler that the guest named.'
        : 'A paravirtual kernel has no interrupt table of its own: exceptions go through Xen’s, which bounces this one to the handler that the guest named.';
  }
}

const MODELS: Readonly<Record<ModelPlace, string>> = { stub: 'Its device model', 'Domain-0': 'Its model in Domain-0' };
const TRAP_CODE: Readonly<Record<number, string>> = {
  [HYPERCALL_VECTOR]: 'pv_hypercall',
  14: 'do_page_fault',
  13: 'do_general_protection',
  7: 'do_device_not_available',
};
const carriesOut = (what: string, code?: string) => (): readonly Deed[] => [
  ['Xen', `carries out ${what} for the guest`, code],
];
const blocks = (code?: string) => (): readonly Deed[] => [
  ['Xen', 'blocks the vCPU until an interrupt', code],
  ['Scheduler', 'gives the processor to a vCPU that waits'],
];
const looksAtTimers = (): readonly Deed[] => [
  ['Xen', 'looks at timers that are due'],
  ['Scheduler', 'goes on with this vCPU, or with one that waits'],
];
const injects = (): readonly Deed[] => [
  ['Xen', 'takes the interrupt that waited'],
  ['Xen', 'injects it with the entry', 'vmx_intr_assist'],
];
const calls = (exit: ExitFacts): readonly Deed[] => [
  ['Xen', `looks up ${callOf(exit)}`, 'hvm_hypercall'],
  ['Xen', exit.call ? `puts the result ${exit.call.result} into EAX` : 'puts the result into EAX'],
];

const deeds: ExitDeeds = {
  first: ['Xen', 'looks at the reason', 'vmx_vmexit_handler'],
  io: ({ isIn, port, bytes, isString, shortDevice, chip }, model) => [
    [
      'Xen',
      `reads ${isIn ? 'IN' : 'OUT'}, port ${port}, ${bytes} byte${bytes > 1 ? 's' : ''}`,
      isString ? 'hvm_emulate_one_insn' : 'handle_pio',
    ],
    ...(chip === 'model'
      ? ([
          ['Xen', 'hands it on as a request', 'ioreq_send'],
          [MODELS[model], `emulates ${shortDevice}`],
        ] as const)
      : ([['Xen', `emulates ${shortDevice}`, chip(isIn)]] as const)),
  ],
  ept: ({ how, address, lacksRight, device, chip }, model) => [
    ['Xen', `looks up ${address ?? 'the address'}`, 'ept_handle_violation'],
    chip !== 'model'
      ? ['Xen', `emulates the ${device}`, chip(how !== 'writes')]
      : lacksRight
        ? ['Xen', 'changes the right, or keeps it', 'hvm_hap_nested_page_fault']
        : [
            MODELS[model],
            device ? `emulates the ${device}` : 'answers, or memory is put there',
            'hvm_hap_nested_page_fault',
          ],
  ],
  crAccess: [['Xen', 'carries out the access to the control register for the guest', 'vmx_cr_access']],
  reasons: {
    EXCEPTION_OR_NMI: carriesOut('what the exception asks for'),
    EXTERNAL_INTERRUPT: () => [
      ['Xen', 'takes what waits at the doorbell', 'vmx_do_extint'],
      ['Xen', 'marks the interrupt or event'],
    ],
    TRIPLE_FAULT: () => [
      ['Xen', 'asks what a triple fault is to be', 'hvm_triple_fault'],
      ['Xen', 'stops the domain’s vCPUs', 'domain_shutdown'],
      ['Xen', 'sends Domain-0', 'VIRQ_DOM_EXC'],
      ['Domain-0', 'does what on_reboot or on_crash says'],
    ],
    INTERRUPT_WINDOW: injects,
    NMI_WINDOW: injects,
    TASK_SWITCH: carriesOut('the task switch', 'hvm_task_switch'),
    CPUID: carriesOut('CPUID', 'hvm_vmexit_cpuid'),
    HLT: blocks('hvm_hlt'),
    INVLPG: carriesOut('INVLPG', 'vmx_invlpg_intercept'),
    RDTSC: carriesOut('RDTSC', 'hvm_rdtsc_intercept'),
    RDTSCP: carriesOut('RDTSCP', 'hvm_rdtsc_intercept'),
    VMCALL: calls,
    VMMCALL: calls,
    RDMSR: carriesOut('RDMSR', 'hvm_msr_read_intercept'),
    WRMSR: carriesOut('WRMSR', 'hvm_msr_write_intercept'),
    MWAIT: blocks(),
    PAUSE: looksAtTimers,
    PREEMPTION_TIMER: looksAtTimers,
    WBINVD: carriesOut('WBINVD', 'vmx_wbinvd_intercept'),
    XSETBV: carriesOut('XSETBV', 'hvm_handle_xsetbv'),
    FERR: () => [['Xen', 'asserts the pin that the chip set turns into IRQ 13']],
  },
  other: title => [['Xen', `carries out ${title} for the guest`]],
  trap: vector => [
    ['Xen', `is entered through gate ${vector} of its own table`, TRAP_CODE[vector]],
    ['Xen', vector === HYPERCALL_VECTOR ? 'does the hypercall that EAX names' : 'emulates, fixes or bounces it'],
  ],
};

export const xen: ExitWords = {
  dmaPorts: 'DMA controller, or the switch that unplugs emulated devices (0x10)',
  chips: {
    'first PIC': () => 'vpic_intercept_pic_io',
    'second PIC': () => 'vpic_intercept_pic_io',
    ELCR: () => 'vpic_intercept_elcr_io',
    PIT: () => 'handle_pit_io',
    speaker: () => 'handle_speaker_io',
    RTC: () => 'handle_rtc_io',
    APM: () => undefined,
    'debug console': () => 'hvm_print_line',
    coprocessor: () => undefined,
    'PM events': () => 'handle_evt_io',
    'PM timer': () => 'handle_pmt_io',
    PM: () => undefined,
    'I/O APIC': isRead => (isRead ? 'vioapic_read' : 'vioapic_write'),
    HPET: isRead => (isRead ? 'hpet_read' : 'hpet_write'),
    'local APIC': isRead => (isRead ? 'vlapic_mmio_read' : 'vlapic_mmio_write'),
  },
  callName: hypercallName,
  operation: operationName,
  calls: xenCalls,
  whyCall: name => ({
    question: 'Why a hypercall?',
    answer: xenCalls[name] ?? `The guest asks Xen for ${name} in a register convention, as a program asks its kernel.`,
    source: 'xen/include/public/xen.h',
  }),
  io: ({ isIn, port, device, chip }) =>
    `The guest ${isIn ? 'reads' : 'writes'} port ${port} (${device}), and owns no real one: ${chip === 'model' ? 'its device model' : 'Xen'} emulates it.`,
  ept: ({ how, address, lacksRight, device, chip }) =>
    `The guest ${how} ${address ? `guest-physical address ${address}` : 'an address'}, where the second stage has ${lacksRight ? 'a page without that right' : 'no memory'}: ${
      chip !== 'model'
        ? `it is the ${device}, which Xen emulates.`
        : device
          ? `it is the ${device}, which the device model paints from.`
          : lacksRight
            ? 'Xen decides what is to become of the page.'
            : 'a device, or memory that has to be put there first.'
    }`,
  crAccess: (cr, does) =>
    cr === 3
      ? `Xen keeps shadow page tables (hap = 0), or the exit controls ask for it: ${does} CR3. Xen does it in the guest’s place.`
      : `The guest changes bits of CR${cr} that Xen keeps for itself: ${does}. Where it keeps shadow page tables (hap = 0) the rules of paging are among them.`,
  sentences,
  other: title => `${title} gives Xen control, whatever the guest wants.`,
  trap: told => ({ question: 'Why through Xen?', answer: trapAnswer(told) }),
  chipName: 'Xen’s chip',
  models: {
    stub: { name: 'device model', by: 'guest' },
    'Domain-0': { name: 'Domain-0', by: 'Domain-0' },
  },
  deeds,
};
