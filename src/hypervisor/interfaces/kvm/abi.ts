/** KVM as its guests see it, in numbers. Source: Linux, Documentation/virt/kvm/x86 (cpuid.rst, msr.rst, hypercalls.rst) and arch/x86/include/uapi/asm/kvm_para.h. */

/** KVM's number among the interfaces that a guest may see (DOMAIN.INTERFACE). */
export const KVM_INTERFACE = 2;

export const CPUID_BASE = 0x40000000,
  CPUID_FEATURES = CPUID_BASE + 1,
  /** VMware's leaf, which KVM's guests look for, too: TSC and local APIC's timer in kHz (hw/i386, vmware-cpuid-freq). */
  CPUID_FREQUENCIES = CPUID_BASE + 0x10;
/** "KVMKVMKVM\0\0\0". */
export const SIGNATURE = [0x4b4d564b, 0x564b4d56, 0x4d] as const;

/** Bits of the features' leaf. */
export const FEATURE = {
  CLOCKSOURCE: 0,
  NOP_IO_DELAY: 1,
  CLOCKSOURCE2: 3,
  STEAL_TIME: 5,
  PV_EOI: 6,
  PV_UNHALT: 7,
  PV_SEND_IPI: 11,
  PV_SCHED_YIELD: 13,
  CLOCKSOURCE_STABLE: 24,
} as const;
/** What is offered. Nothing of a guest is paged out by its host, so there are no asynchronous page faults (4, 10, 14). */
export const FEATURES = Object.values(FEATURE).reduce((bits: number, bit) => bits | (1 << bit), 0);

export const MSR = {
  WALL_CLOCK_OLD: 0x11,
  SYSTEM_TIME_OLD: 0x12,
  WALL_CLOCK: 0x4b564d00,
  SYSTEM_TIME: 0x4b564d01,
  STEAL_TIME: 0x4b564d03,
  PV_EOI: 0x4b564d04,
  LAST: 0x4b564dff,
} as const;
/** Of what an MSR names: it is in use. */
export const ENABLED = 1;

/** Flags of a time record. */
export const TSC_STABLE = 1,
  GUEST_STOPPED = 2;

export const CALL = { VAPIC_POLL_IRQ: 1, KICK_CPU: 5, CLOCK_PAIRING: 9, SEND_IPI: 10, SCHED_YIELD: 11 } as const;
/** Of an interrupt command: its vector; its delivery mode, fixed or NMI. */
export const ICR = { VECTOR: 0xff, MODE: 0x700, FIXED: 0, NMI: 0x400 } as const;
/** What is wrong with a hypercall: Linux's numbers, and KVM's own for one that is not there. */
export const EPERM = 1,
  EINVAL = 22,
  EFAULT = 14,
  EOPNOTSUPP = 95,
  ENOSYS = 1000;
