/**
 * Numbers of Xen's guest ABI, reported as 4.17. Source: xen/include/public (xen.h, memory.h, event_channel.h, sched.h, vcpu.h, version.h, physdev.h,
 * hvm/hvm_op.h, hvm/params.h, arch-x86/cpuid.h); structure offsets are those of a 32-bit guest unless a name says otherwise.
 */

export const XEN_MAJOR = 4,
  XEN_MINOR = 17;

// errno.h
export const EPERM = 1,
  ENOENT = 2,
  ESRCH = 3,
  EIO = 5,
  ENXIO = 6,
  E2BIG = 7,
  EAGAIN = 11,
  ENOMEM = 12,
  EACCES = 13,
  EFAULT = 14,
  EBUSY = 16,
  EEXIST = 17,
  ENODEV = 19,
  EINVAL = 22,
  ENOSPC = 28,
  ENOSYS = 38,
  EILSEQ = 84,
  EOPNOTSUPP = 95;

// Domain ids with a meaning.
export const DOMID_FIRST_RESERVED = 0x7ff0,
  DOMID_SELF = 0x7ff0,
  DOMID_INVALID = 0x7ff4;

/** Where the hypervisor's part of a 32-bit PV guest's space begins (xen/include/public/arch-x86/xen-x86_32.h). */
export const PV_VIRT_START = 0xf5800000;

/** Hypercall numbers. */
export const HYPERCALL = {
  SET_TRAP_TABLE: 0,
  MMU_UPDATE: 1,
  SET_GDT: 2,
  STACK_SWITCH: 3,
  SET_CALLBACKS: 4,
  FPU_TASKSWITCH: 5,
  SCHED_OP_COMPAT: 6,
  PLATFORM_OP: 7,
  SET_DEBUGREG: 8,
  GET_DEBUGREG: 9,
  UPDATE_DESCRIPTOR: 10,
  MEMORY_OP: 12,
  MULTICALL: 13,
  UPDATE_VA_MAPPING: 14,
  SET_TIMER_OP: 15,
  EVENT_CHANNEL_OP_COMPAT: 16,
  XEN_VERSION: 17,
  CONSOLE_IO: 18,
  PHYSDEV_OP_COMPAT: 19,
  GRANT_TABLE_OP: 20,
  VM_ASSIST: 21,
  UPDATE_VA_MAPPING_OTHERDOMAIN: 22,
  IRET: 23,
  VCPU_OP: 24,
  SET_SEGMENT_BASE: 25,
  MMUEXT_OP: 26,
  XSM_OP: 27,
  NMI_OP: 28,
  SCHED_OP: 29,
  CALLBACK_OP: 30,
  EVENT_CHANNEL_OP: 32,
  PHYSDEV_OP: 33,
  HVM_OP: 34,
  SYSCTL: 35,
  DOMCTL: 36,
} as const;
/** Numbers that an architecture has for itself: __HYPERVISOR_arch_0 to __HYPERVISOR_arch_7. */
const ARCH_0 = 48,
  ARCH_CALLS = 8;
const NAME_OF = new Map<number, string>([
  ...Object.entries(HYPERCALL).map(([name, number]) => [number, name.toLowerCase()] as const),
  ...Array.from({ length: ARCH_CALLS }, (_, i) => [ARCH_0 + i, `arch_${i}`] as const),
]);
/** All names, as xen.h spells them behind __HYPERVISOR_, by number. */
export const HYPERCALL_NAMES: readonly string[] = [...NAME_OF.values()];
export const hypercallName = (number: number): string => NAME_OF.get(number) ?? `hypercall ${number}`;

// vcpu_time_info.flags (the structures: shared.ts).
export const PVCLOCK_TSC_STABLE = 1;

// sched_op and shutdown codes.
export const SCHEDOP = {
  YIELD: 0,
  BLOCK: 1,
  SHUTDOWN: 2,
  POLL: 3,
  REMOTE_SHUTDOWN: 4,
  SHUTDOWN_CODE: 5,
  WATCHDOG: 6,
  PIN_OVERRIDE: 7,
} as const;
export const SHUTDOWN = { POWEROFF: 0, REBOOT: 1, SUSPEND: 2, CRASH: 3, WATCHDOG: 4, SOFT_RESET: 5 } as const;

// event_channel_op.
export const EVTCHNOP = {
  BIND_INTERDOMAIN: 0,
  BIND_VIRQ: 1,
  BIND_PIRQ: 2,
  CLOSE: 3,
  SEND: 4,
  STATUS: 5,
  ALLOC_UNBOUND: 6,
  BIND_IPI: 7,
  BIND_VCPU: 8,
  UNMASK: 9,
  RESET: 10,
  INIT_CONTROL: 11,
  EXPAND_ARRAY: 12,
  SET_PRIORITY: 13,
} as const;
export const EVTCHNSTAT = { CLOSED: 0, UNBOUND: 1, INTERDOMAIN: 2, PIRQ: 3, VIRQ: 4, IPI: 5 } as const;
export const VIRQ = {
  TIMER: 0,
  DEBUG: 1,
  CONSOLE: 2,
  DOM_EXC: 3,
  TBUF: 4,
  DEBUGGER: 6,
  XENOPROF: 7,
  CON_RING: 8,
  ARGO: 11,
  XENPMU: 13,
} as const;

/** Event words of FIFO event channels (event_channel.h, EVTCHN_FIFO_*); LINK_BITS: of the next port in the queue. */
export const EVENT_WORD = {
  PENDING: 1 << 31,
  MASKED: 1 << 30,
  LINKED: 1 << 29,
  BUSY: 1 << 28,
  LINK_BITS: 17,
  PER_PAGE: 1024,
} as const;

// grant_table.h.
/** Flags of an entry: type in bits 0-1. READING and WRITING are the hypervisor's; in version 2 they are in the status word. */
export const GTF = {
  INVALID: 0,
  PERMIT_ACCESS: 1,
  TRANSITIVE: 3,
  TYPE: 3,
  READONLY: 4,
  READING: 8,
  WRITING: 16,
  SUB_PAGE: 256,
} as const;
/** Flags of a mapping. */
export const GNTMAP = { DEVICE: 1, HOST: 2, READONLY: 4, APPLICATION: 8, CONTAINS_PTE: 16 } as const;
/** Statuses of an operation on a grant. */
export const GNTST = {
  OKAY: 0,
  GENERAL_ERROR: -1,
  BAD_DOMAIN: -2,
  BAD_GNTREF: -3,
  BAD_HANDLE: -4,
  BAD_VIRT_ADDR: -5,
  BAD_DEV_ADDR: -6,
  PERMISSION_DENIED: -8,
  BAD_PAGE: -9,
  BAD_COPY_ARG: -10,
  EAGAIN: -12,
  NO_SPACE: -13,
} as const;

// vcpu_op.
export const VCPUOP = {
  INITIALISE: 0,
  UP: 1,
  DOWN: 2,
  IS_UP: 3,
  GET_RUNSTATE_INFO: 4,
  REGISTER_RUNSTATE_MEMORY_AREA: 5,
  SET_PERIODIC_TIMER: 6,
  STOP_PERIODIC_TIMER: 7,
  SET_SINGLESHOT_TIMER: 8,
  STOP_SINGLESHOT_TIMER: 9,
  REGISTER_VCPU_INFO: 10,
  SEND_NMI: 11,
  GET_PHYSID: 12,
  REGISTER_VCPU_TIME_MEMORY_AREA: 13,
} as const;
export const RUNSTATE = { RUNNING: 0, RUNNABLE: 1, BLOCKED: 2, OFFLINE: 3 } as const;

// memory_op: the command is in the low six bits, a continuation's start extent above.
export const MEMORY_OP_BITS = 6;
export const XENMEM = {
  INCREASE_RESERVATION: 0,
  DECREASE_RESERVATION: 1,
  MAXIMUM_RAM_PAGE: 2,
  CURRENT_RESERVATION: 3,
  MAXIMUM_RESERVATION: 4,
  MACHPHYS_MFN_LIST: 5,
  POPULATE_PHYSMAP: 6,
  ADD_TO_PHYSMAP: 7,
  MEMORY_MAP: 9,
  MACHINE_MEMORY_MAP: 10,
  EXCHANGE: 11,
  MACHPHYS_MAPPING: 12,
  SET_MEMORY_MAP: 13,
  MAXIMUM_GPFN: 14,
  REMOVE_FROM_PHYSMAP: 15,
  SET_POD_TARGET: 16,
  GET_POD_TARGET: 17,
  ADD_TO_PHYSMAP_BATCH: 23,
  CLAIM_PAGES: 24,
  MACHPHYS_COMPAT_MFN_LIST: 25,
  GET_VNUMAINFO: 26,
  ACQUIRE_RESOURCE: 28,
} as const;
export const XENMAPSPACE = {
  SHARED_INFO: 0,
  GRANT_TABLE: 1,
  GMFN: 2,
  GMFN_RANGE: 3,
  GMFN_FOREIGN: 4,
  DEV_MMIO: 5,
} as const;
/** Bit of an index into the grant table: status frames of version 2. */
export const XENMAPIDX_GRANT_TABLE_STATUS = 0x80000000;

// xen_version.
export const XENVER = {
  VERSION: 0,
  EXTRAVERSION: 1,
  COMPILE_INFO: 2,
  CAPABILITIES: 3,
  CHANGESET: 4,
  PLATFORM_PARAMETERS: 5,
  GET_FEATURES: 6,
  PAGESIZE: 7,
  GUEST_HANDLE: 8,
  COMMANDLINE: 9,
  BUILD_ID: 10,
} as const;
export const XENFEAT = {
  WRITABLE_PAGE_TABLES: 0,
  WRITABLE_DESCRIPTOR_TABLES: 1,
  AUTO_TRANSLATED_PHYSMAP: 2,
  SUPERVISOR_MODE_KERNEL: 3,
  PAE_PGDIR_ABOVE_4GB: 4,
  MMU_PT_UPDATE_PRESERVE_AD: 5,
  HIGHMEM_ASSIST: 6,
  GNTTAB_MAP_AVAIL_BITS: 7,
  HVM_CALLBACK_VECTOR: 8,
  HVM_SAFE_PVCLOCK: 9,
  HVM_PIRQS: 10,
  DOM0: 11,
  MEMORY_OP_VNODE_SUPPORTED: 13,
  NOT_DIRECT_MAPPED: 16,
  DIRECT_MAPPED: 17,
} as const;

// physdev_op. Those of interrupts over event channels are not offered.
export const PHYSDEVOP = {
  IRQ_STATUS_QUERY: 5,
  SET_IOPL: 6,
  SET_IOBITMAP: 7,
  EOI: 12,
  MAP_PIRQ: 13,
  UNMAP_PIRQ: 14,
  GET_FREE_PIRQ: 23,
} as const;

// vm_assist.
export const VMASST_CMD_ENABLE = 0,
  VMASST_CMD_DISABLE = 1;
export const VMASST = {
  FOURGB_SEGMENTS: 0,
  FOURGB_SEGMENTS_NOTIFY: 1,
  WRITABLE_PAGETABLES: 2,
  PAE_EXTENDED_CR3: 3,
  ARCHITECTURAL_IOPL: 4,
  RUNSTATE_UPDATE_FLAG: 5,
} as const;

// hvm_op and HVM parameters.
export const HVMOP = {
  SET_PARAM: 0,
  GET_PARAM: 1,
  FLUSH_TLBS: 5,
  PAGETABLE_DYING: 9,
  GET_TIME: 10,
  XENTRACE: 11,
  GET_MEM_TYPE: 15,
  SET_EVTCHN_UPCALL_VECTOR: 23,
  GUEST_REQUEST_VM_EVENT: 24,
  ALTP2M: 25,
} as const;
export const HVM_PARAM = {
  CALLBACK_IRQ: 0,
  STORE_PFN: 1,
  STORE_EVTCHN: 2,
  PAE_ENABLED: 4,
  IOREQ_PFN: 5,
  BUFIOREQ_PFN: 6,
  VIRIDIAN: 9,
  TIMER_MODE: 10,
  HPET_ENABLED: 11,
  IDENT_PT: 12,
  DM_DOMAIN: 13,
  ACPI_S_STATE: 14,
  VM86_TSS: 15,
  VPT_ALIGN: 16,
  CONSOLE_PFN: 17,
  CONSOLE_EVTCHN: 18,
  ACPI_IOPORTS_LOCATION: 19,
  NESTEDHVM: 24,
  BUFIOREQ_EVTCHN: 26,
  PAGING_RING_PFN: 27,
  MONITOR_RING_PFN: 28,
  SHARING_RING_PFN: 29,
  TRIPLE_FAULT_REASON: 31,
  IOREQ_SERVER_PFN: 32,
  NR_IOREQ_SERVER_PAGES: 33,
  VM_GENERATION_ID_ADDR: 34,
  ALTP2M: 35,
  X87_FIP_WIDTH: 36,
  VM86_TSS_SIZED: 37,
  MCA_CAP: 38,
  COUNT: 39,
} as const;
/** Type of a callback, bits 56-63 of HVM_PARAM_CALLBACK_IRQ. */
export const CALLBACK_VIA = { GSI: 0, PCI_INTX: 1, VECTOR: 2 } as const;

/** Guest frame of the first of eight pages that ioreq servers get; nothing of the guest's lies from here on. */
export const IOREQ_SERVER_PAGES = 0xfeff0;
/** Guest frames of the special pages of HVM and PVH domains, eight from 0xFEFF8; ioreq server pages lie before them. */
export const SPECIAL_PAGES = 0xfeff8,
  SPECIAL_PAGE_COUNT = 8;
export const SPECIAL = {
  PAGING: 0,
  ACCESS: 1,
  SHARING: 2,
  BUFIOREQ: 3,
  XENSTORE: 4,
  IOREQ: 5,
  IDENT_PT: 6,
  CONSOLE: 7,
} as const;

/** Page of the store's rings (io/xs_wire.h, xenstore_domain_interface): requests from byte 0, replies from REPLIES; the rest are words of 32 bits. */
export const STORE_PAGE = {
  RING_BYTES: 1024,
  REPLIES: 1024,
  REQ_CONS: 512,
  REQ_PROD: 513,
  RSP_CONS: 514,
  RSP_PROD: 515,
  FEATURES: 516,
  CONNECTION: 517,
  ERROR: 518,
} as const;
/** Page of the console's rings (io/console.h, xencons_interface): what is typed from byte 0, what is printed from OUT; then words of 32 bits. */
export const CONSOLE_PAGE = {
  IN_BYTES: 1024,
  OUT: 1024,
  OUT_BYTES: 2048,
  IN_CONS: 768,
  IN_PROD: 769,
  OUT_CONS: 770,
  OUT_PROD: 771,
} as const;

// CPUID leaves and the MSR they name.
export const CPUID_BASE = 0x40000000,
  CPUID_BASE_MOVED = 0x40000100,
  MSR_HYPERCALL_PAGE = 0x40000000,
  /** The same where the guest has Hyper-V's interface; its CPUID leaves are there from CPUID_BASE, and Xen's from CPUID_BASE_MOVED. */
  MSR_HYPERCALL_PAGE_MOVED = 0x40000200,
  MSR_FIRST_OF_XEN = 0x40000000,
  MSR_LAST_OF_XEN = 0x400002ff;

/** Local APICs of HVM and PVH guests are numbered by twos, as if every core had a second thread (xen/arch/x86/hvm/vlapic.c; hvmloader, Xen's ACPI tables). */
export const APIC_ID_STEP = 2;
