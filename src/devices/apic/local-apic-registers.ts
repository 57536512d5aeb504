/**
 * Registers of the local APIC: where they lie from its base, what their bits mean, and what they hold after reset.
 * Source: Intel SDM vol. 3, chapter 11, tables 11-1 and 11-2.
 */

export const LOCAL_APIC_BASE = 0xfee00000;
export const ID = 0x20,
  VERSION = 0x30,
  TPR = 0x80,
  APR = 0x90,
  PPR = 0xa0,
  EOI = 0xb0,
  LDR = 0xd0,
  DFR = 0xe0,
  SVR = 0xf0,
  ISR = 0x100,
  TMR = 0x180,
  IRR = 0x200,
  ESR = 0x280,
  ICR_LOW = 0x300,
  ICR_HIGH = 0x310,
  LVT_TIMER = 0x320,
  LVT_ERROR = 0x370,
  INITIAL_COUNT = 0x380,
  CURRENT_COUNT = 0x390,
  DIVIDE = 0x3e0;
/** Indexes in `lvt`, in address order from 0x320: timer, thermal, performance counters, LINT0, LINT1, error. */
export const TIMER = 0,
  LINT0 = 3,
  ERROR = 5;
export const LVT_WRITABLE = [0x000700ff, 0x000107ff, 0x000107ff, 0x0001a7ff, 0x0001a7ff, 0x000100ff];
export const MASKED = 0x10000,
  LVT_LEVEL = 0x8000,
  DELIVERY_PENDING = 0x1000;
export const TIMER_PERIODIC = 1,
  TIMER_DEADLINE = 2;
export const SVR_ENABLED = 0x100;
/** Version 0x14, six LVT entries, no EOI-broadcast suppression. */
export const VERSION_VALUE = 0x00050014;
export const ESR_SEND_ILLEGAL_VECTOR = 0x20,
  ESR_RECEIVE_ILLEGAL_VECTOR = 0x40,
  ESR_ILLEGAL_REGISTER = 0x80;

export const initial = () => ({
  /** IA32_APIC_BASE: page where its registers lie, and global enable. */
  base: LOCAL_APIC_BASE,
  on: true,
  id: 0,
  tpr: 0,
  ldr: 0,
  dfr: 0xffffffff,
  svr: 0xff,
  isr: new Uint32Array(8),
  tmr: new Uint32Array(8),
  irr: new Uint32Array(8),
  /** Error status: as read, and what has gathered since. */
  esr: 0,
  errors: 0,
  icrLow: 0,
  icrHigh: 0,
  lvt: new Uint32Array(6).fill(MASKED),
  initialCount: 0,
  /** Time at which the initial count was written or the period began. */
  startNs: 0,
  divide: 0,
  /** Periods that passed while their interrupt could not be taken. */
  owed: 0,
  /** IA32_TSC_DEADLINE. */
  deadlineLow: 0,
  deadlineHigh: 0,
});

/**
 * Registers that a processor with APIC-register virtualization reads in its virtual-APIC page, without an exit (SDM vol. 3, 30.4.2): one flag for each 16 bytes.
 * Not among them: APR, PPR and the timer's current count, which change by themselves, and what is no register, where a read is an error.
 */
export const READ_WITHOUT_EXIT = new Uint8Array(256);
for (const [first, last] of [
  [ID, VERSION],
  [TPR, TPR],
  [EOI, EOI],
  [LDR, ESR],
  [ICR_LOW, INITIAL_COUNT],
  [DIVIDE, DIVIDE],
])
  READ_WITHOUT_EXIT.fill(1, first >> 4, (last >> 4) + 1);
