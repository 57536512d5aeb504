/** The page's words on a host without Xen, whose own system is the hypervisor. */
import { asVirsh as virshOfXen } from '../dom0/toolstack/as-virsh/index.ts';
import type { strings } from './strings.ts';

/** The driver of libvirt is QEMU's. */
export const asVirsh = (command: string): string => virshOfXen(command).replace(' xen+pool:', ' qemu+pool:');

/** Some of those words. */
type Some<T> = {
  [K in keyof T]?: T[K] extends string ? string : T[K] extends (...words: never[]) => string ? T[K] : Some<T[K]>;
};

const WORDS: Some<typeof strings> = {
  tree: {
    none: 'No guest runs. Boot one, or drop a definition here.',
    connection: 'KVM, qemu:///system',
  },
  owners: { xen: 'KVM' },
  actions: { openShell: 'Open the host’s shell' },
  home: {
    started: (seconds, since, size) => `The host was up ${seconds} after ${since}${size ? `, from ${size}` : ''}. `,
    lede: 'Real x86 code runs on a Linux‑style host with KVM, in this tab, and nothing leaves it.',
    log: 'Kernel’s log',
    logHint: 'as dmesg prints it',
    ways: 'Same guest, three ways',
  },
  shell: { name: 'Shell of the host', domain: 'host system', hostEnded: 'The host ended, and this shell with it.' },
  strip: {
    none: 'No task yet. Every action appears here as the virsh command it is.',
    tabs: { log: 'Kernel’s log' },
    expand: { shell: 'show the host’s shell', log: 'show what dmesg prints' },
  },
  errors: {
    hostEnded: 'The host ended before it had done that. It is started again; try again.',
    endedWithHost: 'It ended with the host, as every guest did. What was in its memory is lost.',
  },
};

/** Puts words in the place of others, and returns those. */
function exchange(all: Record<string, unknown>, by: Record<string, unknown>): Record<string, unknown> {
  const before: Record<string, unknown> = {};
  for (const [name, word] of Object.entries(by)) {
    before[name] =
      typeof word === 'object'
        ? exchange(all[name] as Record<string, unknown>, word as Record<string, unknown>)
        : all[name];
    if (typeof word !== 'object') all[name] = word;
  }
  return before;
}

let others: Record<string, unknown> = WORDS;
let isWithout = false;
/** The page's words are those of a host without Xen, or with it; whether they were others before. */
export function haveWords(page: typeof strings, without: boolean): boolean {
  if (without === isWithout) return false;
  isWithout = without;
  others = exchange(page, others);
  return true;
}

/** Longer words first. */
const OF_KVM: readonly (readonly [xen: RegExp, kvm: string])[] = [
  [/Its model in Domain-0|Its device model/g, 'QEMU'],
  [/the device model in Domain-0|the device model|its device model/g, 'QEMU'],
  [/device model/g, 'QEMU'],
  [/Domain-0/g, 'the host'],
  [/Xen reads on_crash or on_reboot/g, 'QEMU is notified, and resets it or ends'],
  [/does what on_reboot or on_crash says/g, 'resets it or ends its process'],
  [/Xen sends Domain-0/g, 'KVM returns to QEMU'],
  [/somebody chose that/g, 'it was chosen that'],
  [/Xen/g, 'KVM'],
];
export const ofKvm = (text: string): string => OF_KVM.reduce((said, [xen, kvm]) => said.replace(xen, kvm), text);

/** What Linux 6.1 calls what Xen's functions do (arch/x86/kvm), or what QEMU is told then (Documentation/virt/kvm/api.rst). */
const CODE: Readonly<Record<string, string>> = {
  vmx_vmexit_handler: 'vmx_handle_exit',
  hvm_vmexit_cpuid: 'kvm_emulate_cpuid',
  vmx_cr_access: 'handle_cr',
  vmx_invlpg_intercept: 'handle_invlpg',
  hvm_msr_read_intercept: 'kvm_emulate_rdmsr',
  hvm_msr_write_intercept: 'kvm_emulate_wrmsr',
  hvm_task_switch: 'handle_task_switch',
  vmx_wbinvd_intercept: 'kvm_emulate_wbinvd',
  hvm_handle_xsetbv: 'kvm_emulate_xsetbv',
  handle_pio: 'kvm_fast_pio',
  hvm_emulate_one_insn: 'kvm_emulate_instruction',
  ioreq_send: 'KVM_EXIT_IO',
  ept_handle_violation: 'handle_ept_violation',
  hvm_hap_nested_page_fault: 'kvm_mmu_page_fault',
  hvm_hypercall: 'kvm_emulate_hypercall',
  hvm_hlt: 'kvm_emulate_halt',
  vmx_do_extint: 'handle_external_interrupt_irqoff',
  vmx_intr_assist: 'vmx_inject_irq',
  hvm_triple_fault: 'handle_triple_fault',
  domain_shutdown: 'KVM_EXIT_SHUTDOWN',
};
export const codeOfKvm = (code: string): string | undefined => CODE[code];
