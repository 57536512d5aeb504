/** KVM's hypercalls: their names by number (include/uapi/linux/kvm_para.h), and what they are for (Documentation/virt/kvm/x86/hypercalls.rst). */
const NAMES: Readonly<Record<number, string>> = {
  1: 'KVM_HC_VAPIC_POLL_IRQ',
  5: 'KVM_HC_KICK_CPU',
  9: 'KVM_HC_CLOCK_PAIRING',
  10: 'KVM_HC_SEND_IPI',
  11: 'KVM_HC_SCHED_YIELD',
  12: 'KVM_HC_MAP_GPA_RANGE',
};
export const kvmCallName = (number: number): string => NAMES[number] ?? `hypercall ${number}`;

export const kvmCalls: Readonly<Record<string, string>> = {
  KVM_HC_VAPIC_POLL_IRQ:
    'It asks for nothing but the exit: KVM looks at pending interrupts before it enters the guest again.',
  KVM_HC_KICK_CPU: 'The guest wakes another of its vCPUs, which has halted to wait for a lock that is free now.',
  KVM_HC_CLOCK_PAIRING: 'The guest asks for the host’s clock together with the counter that it was read at.',
  KVM_HC_SEND_IPI: 'The guest sends one interrupt to several of its vCPUs with one exit.',
  KVM_HC_SCHED_YIELD: 'The guest gives its processor to another of its vCPUs, which has been preempted.',
  KVM_HC_MAP_GPA_RANGE: 'The guest says which pages of its memory are encrypted; QEMU is notified.',
};
