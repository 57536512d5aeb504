/**
 * What KVM, Linux and QEMU do about VM exits, and why they come. Functions are those of Linux 6.1 (arch/x86/kvm: vmx/vmx.c, x86.c, mmu/mmu.c, i8254.c, i8259.c,
 * ioapic.c, lapic.c; virt/kvm/kvm_main.c; kernel/sched/core.c) and of QEMU 7.2 (accel/kvm/kvm-all.c, softmmu/runstate.c); KVM_EXIT_… is the reason with which the
 * ioctl KVM_RUN returns to QEMU (Documentation/virt/kvm/api.rst). KVM is a part of Linux: which thread has a processor is the decision of Linux's scheduler.
 */
import { exceptionName } from '../../../hypervisor/view/index.ts';
import { type ChipOwner, type Deed, type ExitDeeds, type ExitWords, hex, type ExitFacts } from './exit-words.ts';
import { kvmCallName, kvmCalls } from './kvm-calls.ts';

const PAGE_FAULT = 14;

const numberOf = ({ detail, call }: ExitFacts): number | undefined => call?.number ?? detail;
function callOf(exit: ExitFacts): string {
  const number = numberOf(exit);
  return number === undefined ? 'a hypercall' : `hypercall ${number}, ${kvmCallName(number)}`;
}
const forWhat = (exit: ExitFacts): string => kvmCalls[kvmCallName(numberOf(exit) ?? -1)] ?? '';
const register = (detail: number | undefined): string => (detail === undefined ? '' : ` ${hex(detail)}`);

const sentences: ExitWords['sentences'] = {
  EXCEPTION_OR_NMI: ({ detail }) =>
    `KVM asked to see ${detail === undefined ? 'this exception' : exceptionName(detail)}: its bit in the exception bitmap is set. ${detail === PAGE_FAULT ? 'With shadow page tables (no EPT) most of these are not the guest’s own: KVM enters what the shadow lacked, or the access is to a device, and the guest goes on. Else ' : ''}KVM queues it for the guest, which finds no difference.`,
  EXTERNAL_INTERRUPT: () =>
    'The processor that runs this vCPU got an interrupt: a device’s, a timer’s, or the one by which another processor kicks this vCPU out of the guest. Here a key, a packet or a command waits.',
  TRIPLE_FAULT: () =>
    'An exception could not be delivered, nor the double fault that followed. A PC resets here: KVM_RUN returns with KVM_EXIT_SHUTDOWN, and QEMU asks for a reset of its machine.',
  INTERRUPT_WINDOW: () =>
    'An interrupt waited while the guest had them off. Now it takes them, so KVM gets control to inject it.',
  NMI_WINDOW: () => 'A non-maskable interrupt waited until the last one was over.',
  TASK_SWITCH: () => 'VT-x does no hardware task switches: KVM carries them out.',
  CPUID: () => 'CPUID always exits under VT-x. KVM answers from the table that QEMU set with KVM_SET_CPUID2.',
  HLT: () =>
    'The guest has nothing to do until the next interrupt. KVM marks this vCPU as halted and its thread sleeps; Linux’s scheduler gives the processor to another thread.',
  INVLPG: () =>
    'There are shadow page tables (no EPT) and each INVLPG must be seen, or the exit controls ask for it. KVM drops the translation in the guest’s place.',
  RDTSC: () =>
    'The exit controls ask for it. Linux’s KVM never does: the processor itself adds the guest’s offset to the counter. Here the hypervisor does, and the guest goes on behind it.',
  RDTSCP: () => 'As RDTSC, with the number of the processor: one control makes both exit.',
  VMCALL: told =>
    `The guest calls KVM on purpose, as a program calls its kernel: ${callOf(told)}. ${forWhat(told)}`.trimEnd(),
  VMMCALL: told => `The guest calls KVM on purpose, in AMD’s spelling: ${callOf(told)}. ${forWhat(told)}`.trimEnd(),
  RDMSR: ({ detail }) =>
    `The guest reads model-specific register${register(detail)}, which belongs to the real processor: KVM answers for it.`,
  WRMSR: ({ detail }) =>
    `The guest writes model-specific register${register(detail)}, which belongs to the real processor: KVM checks the value first.`,
  MWAIT: () =>
    'The guest waits for a store to a line of memory. Linux’s KVM skips an MWAIT that exits, as if it were a NOP; here the vCPU sleeps until its next interrupt.',
  PAUSE: () =>
    'The guest spins on a lock; perhaps its holder has no processor. KVM asks Linux’s scheduler to run another vCPU of this guest first.',
  PREEMPTION_TIMER: () =>
    'The next timer of this vCPU’s local APIC is due, or its time slice is over. On a real processor KVM has this timer for the first alone; a slice ends with an interrupt of the host’s own timer.',
  WBINVD: () =>
    'Writing back all caches would slow every guest down. KVM does it only for a guest with an assigned device whose DMA does not look into the caches.',
  XSETBV: () => 'XSETBV always exits: KVM checks which registers the guest wants to have saved.',
  FERR: () =>
    'An x87 error is signalled by a pin here, as on a PC with a separate coprocessor: the chip set turns it into IRQ 13.',
};

const carriesOut = (what: string, code?: string) => (): readonly Deed[] => [
  ['KVM', `carries out ${what} for the guest`, code],
];
const calls = (exit: ExitFacts): readonly Deed[] => [
  ['KVM', `looks up ${callOf(exit)}`, 'kvm_emulate_hypercall'],
  ['KVM', exit.call ? `puts the result ${exit.call.result} into RAX` : 'puts the result into RAX'],
];

const deeds: ExitDeeds = {
  first: ['KVM', 'looks at the reason', 'vmx_handle_exit'],
  io: ({ isIn, port, bytes, isString, shortDevice, chip }) => [
    [
      'KVM',
      `reads ${isIn ? 'IN' : 'OUT'}, port ${port}, ${bytes} byte${bytes > 1 ? 's' : ''}`,
      isString ? 'kvm_emulate_instruction' : 'kvm_fast_pio',
    ],
    ...(chip === 'model'
      ? ([
          ['KVM', 'returns to QEMU', 'KVM_EXIT_IO'],
          ['QEMU', `emulates ${shortDevice}`, 'kvm_handle_io'],
        ] as const)
      : ([['KVM', `emulates ${shortDevice} in the kernel`, chip(isIn)]] as const)),
  ],
  ept: ({ how, address, lacksRight, device, chip }) => [
    ['KVM', `looks up ${address ?? 'the address'}`, 'handle_ept_violation'],
    ...(chip !== 'model'
      ? ([['KVM', `emulates the ${device} in the kernel`, chip(how !== 'writes')]] as const)
      : lacksRight
        ? ([['KVM', 'notes the write and allows it, or hands it on', 'kvm_mmu_page_fault']] as const)
        : device
          ? ([
              ['KVM', 'returns to QEMU', 'KVM_EXIT_MMIO'],
              ['QEMU', `emulates the ${device}`, 'address_space_rw'],
            ] as const)
          : ([
              ['KVM', 'maps a page of QEMU’s memory, or returns to QEMU', 'kvm_mmu_page_fault'],
              ['QEMU', 'answers where it is a device', 'address_space_rw'],
            ] as const)),
  ],
  crAccess: [['KVM', 'carries out the access to the control register for the guest', 'handle_cr']],
  reasons: {
    EXCEPTION_OR_NMI: () => [['KVM', 'queues the exception for the guest, or handles it', 'handle_exception_nmi']],
    EXTERNAL_INTERRUPT: () => [
      ['Linux', 'handles the interrupt', 'handle_external_interrupt_irqoff'],
      ['KVM', 'looks what this vCPU was kicked for', 'vcpu_enter_guest'],
    ],
    TRIPLE_FAULT: () => [
      ['KVM', 'returns to QEMU: KVM_EXIT_SHUTDOWN', 'handle_triple_fault'],
      ['QEMU', 'asks for a reset', 'qemu_system_reset_request'],
      ['QEMU', 'resets its machine, or ends, as on_reboot says'],
    ],
    INTERRUPT_WINDOW: () => [
      ['KVM', 'asks for a look at events', 'handle_interrupt_window'],
      ['KVM', 'injects the interrupt with the entry', 'vmx_inject_irq'],
    ],
    NMI_WINDOW: () => [
      ['KVM', 'asks for a look at events', 'handle_nmi_window'],
      ['KVM', 'injects the NMI with the entry', 'vmx_inject_nmi'],
    ],
    TASK_SWITCH: carriesOut('the task switch', 'kvm_task_switch'),
    CPUID: carriesOut('CPUID', 'kvm_emulate_cpuid'),
    HLT: () => [
      ['KVM', 'marks the vCPU as halted', 'kvm_emulate_halt'],
      ['KVM', 'puts its thread to sleep until an interrupt', 'kvm_vcpu_halt'],
      ['Linux’s scheduler', 'gives the processor to another thread', 'schedule'],
    ],
    INVLPG: carriesOut('INVLPG', 'handle_invlpg'),
    RDTSC: carriesOut('RDTSC'),
    RDTSCP: carriesOut('RDTSCP'),
    VMCALL: calls,
    VMMCALL: calls,
    RDMSR: carriesOut('RDMSR', 'kvm_emulate_rdmsr'),
    WRMSR: carriesOut('WRMSR', 'kvm_emulate_wrmsr'),
    MWAIT: () => [
      ['KVM', 'skips the instruction', 'kvm_emulate_mwait'],
      ['Linux’s scheduler', 'gives the processor to another thread while the vCPU sleeps'],
    ],
    PAUSE: () => [
      ['KVM', 'looks for another vCPU of this guest', 'kvm_vcpu_on_spin'],
      ['Linux’s scheduler', 'runs that one’s thread first', 'yield_to'],
    ],
    PREEMPTION_TIMER: () => [
      ['KVM', 'marks the timer of the local APIC as expired', 'kvm_lapic_expired_hv_timer'],
      ['Linux’s scheduler', 'goes on with this thread, or with one that waits'],
    ],
    WBINVD: carriesOut('WBINVD, or skips it', 'kvm_emulate_wbinvd'),
    XSETBV: carriesOut('XSETBV', 'kvm_emulate_xsetbv'),
    FERR: () => [['QEMU', 'asserts the pin that the chip set turns into IRQ 13']],
  },
  other: title => [['KVM', `carries out ${title} for the guest`]],
  trap: undefined,
};

/** A function of the kernel's that ends in `_read` or `_write`. */
const inKernel =
  (device: string): ChipOwner =>
  isRead =>
    `${device}_${isRead ? 'read' : 'write'}`;

export const kvm: ExitWords = {
  dmaPorts: 'DMA controller',
  // KVM_CREATE_IRQCHIP and KVM_CREATE_PIT2; QEMU answers for all else.
  chips: {
    'first PIC': inKernel('picdev_master'),
    'second PIC': inKernel('picdev_slave'),
    ELCR: inKernel('picdev_elcr'),
    PIT: inKernel('pit_ioport'),
    speaker: inKernel('speaker_ioport'),
    RTC: 'model',
    APM: 'model',
    'debug console': 'model',
    coprocessor: 'model',
    'PM events': 'model',
    'PM timer': 'model',
    PM: 'model',
    'I/O APIC': inKernel('ioapic_mmio'),
    HPET: 'model',
    'local APIC': inKernel('apic_mmio'),
  },
  callName: kvmCallName,
  operation: () => undefined,
  calls: kvmCalls,
  whyCall: name => ({
    question: 'Why a hypercall?',
    answer: kvmCalls[name] ?? `The guest asks KVM for ${name} in a register convention, as a program asks its kernel.`,
    source: 'Documentation/virt/kvm/x86/hypercalls.rst of Linux 6.1',
  }),
  io: ({ isIn, port, device, chip }) =>
    `The guest ${isIn ? 'reads' : 'writes'} port ${port} (${device}), and owns no real one: ${chip === 'model' ? 'KVM_RUN returns with KVM_EXIT_IO, and QEMU emulates it' : 'KVM emulates it in the kernel'}.`,
  ept: ({ how, address, lacksRight, device, chip }) =>
    `The guest ${how} ${address ? `guest-physical address ${address}` : 'an address'}, where the second stage has ${lacksRight ? 'a page without that right' : 'no memory'}: ${
      chip !== 'model'
        ? `it is the ${device}, which KVM emulates in the kernel.`
        : device
          ? `it is the ${device}, which QEMU emulates.`
          : lacksRight
            ? 'KVM notes the write for the dirty log and allows it, or hands a write to read-only memory to QEMU.'
            : 'a device, or a page of QEMU’s memory that KVM has not mapped there yet.'
    }`,
  crAccess: (cr, does) =>
    cr === 3
      ? `There are shadow page tables (no EPT), or the exit controls ask for it: ${does} CR3. KVM does it in the guest’s place.`
      : `The guest changes bits of CR${cr} that KVM keeps for itself: ${does}. With shadow page tables (no EPT) the rules of paging are among them.`,
  sentences,
  other: title => `${title} gives KVM control, whatever the guest wants.`,
  trap: undefined,
  chipName: 'KVM’s chip',
  models: { stub: { name: 'QEMU', by: 'guest' }, 'Domain-0': { name: 'QEMU', by: 'guest' } },
  deeds,
};
