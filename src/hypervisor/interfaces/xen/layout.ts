/**
 * What Xen keeps of a domain in machine memory, in words: the XEN block, the table of event channel ports, the grant table's block, one behind the other from
 * the domain's `guestOffset` (records.ts). As of layout/layout.ts, other workers and the page read it in place.
 */
import { FRAME_BYTES } from '../../layout/layout.ts';

/** Xen's number among the interfaces that a guest may see (DOMAIN.INTERFACE). */
export const XEN_INTERFACE = 1;

/** What a domain shows of Xen (word TYPE of its XEN block). */
export const XEN_TYPE = { NONE: 0, HVM: 1, PVH: 2, PV: 3 } as const;
export const XEN_PARAMS = 40,
  XEN_VCPU_WORDS = 128,
  XEN_VIRQS = 24,
  XEN_STALE = 256;
/** Block of a domain with Xen's interface. Pairs of words: low, then high. */
export const XEN = {
  /** XEN_TYPE. */
  TYPE: 0,
  /** SHUTDOWN_* code + 1; 0: it runs. */
  SHUTDOWN: 1,
  /** Machine frame of shared_info, and the guest frame where it is mapped + 1 (0: nowhere). */
  SHARED_INFO: 2,
  SHARED_INFO_GFN: 3,
  /** Layout of shared_info: 32 or 64. */
  WIDTH: 4,
  VCPUS: 5,
  /** Byte offset of a paravirtual domain's tables (pv/block.ts); 0: none. */
  PV: 6,
  /** Frames of RAM that the domain may have. How many it has: CURRENT_FRAMES. */
  MAX_FRAMES: 7,
  CURRENT_FRAMES: 8,
  /** 0: two-level; 1: FIFO, with FIFO_PAGES machine frames of event words. */
  EVENT_ABI: 9,
  FIFO_PAGES: 10,
  /** Wall clock at system time 0: seconds (pair), nanoseconds. */
  WALLCLOCK_SECONDS: 12,
  WALLCLOCK_NS: 14,
  /** Bits of vm_assist. */
  ASSISTS: 15,
  UUID: 16,
  /** Code that SCHEDOP_shutdown_code latched + 1. */
  LATCHED_SHUTDOWN: 20,
  /** Hypercalls that nobody implements, and all of them. */
  UNKNOWN_HYPERCALLS: 21,
  HYPERCALLS: 22,
  /** Machine frames that others wrote: free-running counts of what was put in and taken out; the ring at STALE. When it overran, everything is stale. */
  STALE_WRITTEN: 24,
  STALE_READ: 25,
  /** Machine frames of FIFO event words. */
  FIFO_FRAMES: 32,
  PARAMS: 64,
  /** Calls by hypercall number 0-63. */
  CALLS: 160,
  /**
   * Populate on demand (memory/pod.ts): taken (1) while it changes; frames of the cache, and the first one + 1; guest frames that wait for memory;
   * guest frame where the next sweep for zeroes starts; times that one ran, and frames that they found.
   */
  POD_LOCK: 224,
  POD_COUNT: 225,
  POD_FIRST: 226,
  POD_ENTRIES: 227,
  POD_SWEEP: 228,
  POD_SWEEPS: 229,
  POD_SWEPT: 230,
  /** 1: someone waits for memory of a running domain's, which only its own worker may look for; 1: no frame may be taken now (two guest frames show one). */
  POD_WANTED: 235,
  POD_HELD: 236,
  STALE: 256,
  VCPU: 512,
} as const;
/** A vCPU's record in the XEN block, from XEN.VCPU + id * XEN_VCPU_WORDS. */
export const XEN_VCPU = {
  /** Byte offset in machine memory of its vcpu_info; 0: none (ids from 32 before they registered one). */
  INFO: 0,
  /** Vector of HVMOP_set_evtchn_upcall_vector; 0: none. */
  VECTOR: 1,
  /** RUNSTATE_*: state, its entry time, nanoseconds in each of the four. */
  STATE: 2,
  STATE_ENTRY: 4,
  TIMES: 6,
  /** SCHEDOP_poll: 0 does not poll, -1 several ports, else the port. */
  POLL: 14,
  /** Bits of KICK: what its worker must look at. */
  KICK: 15,
  /** Absolute ns of the one-shot timer (0: off), period in ns (0: off) and its next end. */
  SINGLE_NS: 16,
  PERIOD_NS: 18,
  PERIODIC_NS: 20,
  /** Runstate and time areas (areas.ts): guest-physical addresses of the first and the last byte, each + 1; 0: none. Then bits 32 to 35 of all four in this order. */
  RUNSTATE_AREA: 22,
  TIME_AREA: 24,
  AREA_HIGH: 26,
  /** Byte offset in machine memory of its FIFO control block; 0: none. */
  FIFO_CONTROL: 27,
  /** VCPUOP_initialise has set its registers; it is up. */
  INITIALISED: 28,
  UP: 29,
  /** Frame on which INFO holds a reference, + 1; 0: it is shared_info's. */
  INFO_MFN: 30,
  /** Ports of VIRQs, those of the whole domain with vCPU 0; 0: not bound. */
  VIRQ: 32,
  /** FIFO queues, 16 priorities: taken while they change, the port that is being linked, and their last ports. */
  FIFO_LOCK: 57,
  FIFO_PORT: 58,
  FIFO_TAIL: 64,
} as const;
export const KICK = {
  /** upcall_pending went from 0 to 1. */
  UPCALL: 1,
  /** A polled port became pending. */
  WAKE: 2,
  /** The device model in another domain has something to say. */
  MODEL: 4,
} as const;

/** Where in the XEN block the part lies that a device model in Domain 0 shares with the domain's worker (ioreq/): words from there. */
export const XEN_MODEL = 512 + 32 * 128;
export const MODEL = {
  /** MODEL_STATE. */
  STATE: 0,
  /** Machine frames of the ioreq page and of the page of buffered requests, and the guest's port of the latter. */
  IOREQ_MFN: 1,
  BUFFERED_MFN: 2,
  BUFFERED_PORT: 3,
  /** First machine frame of the graphics adapter's memory + 1; 0: it is the device model's alone. */
  VIDEO: 4,
  /** What the device model wrote to isa-debug-exit, with the signal that says so. */
  EXIT_VALUE: 5,
  /** Ring of what the device model says (ioreq/signals.ts): free-running counts of words put in and taken out, and 1 while a look at the frame buffer waits. */
  SIGNALS_WRITTEN: 6,
  SIGNALS_READ: 7,
  LOOK_WAITS: 8,
  /** Time that Domain 0 spent on it, nanoseconds (pair). */
  SPENT_NS: 10,
  SIGNALS: 16,
  /** A byte a page of the frame buffer that was written since the device model looked. */
  VIDEO_DIRTY: 16 + 512,
} as const;
export const MODEL_SIGNALS = 512,
  MODEL_WORDS = 16 + 512 + 1024;
/** HERE: in the domain's worker, or none. WANTED: Domain 0 is about to have one. */
export const MODEL_STATE = { HERE: 0, WANTED: 1, ATTACHED: 2, GONE: 3 } as const;
export const XEN_BYTES = (XEN_MODEL + MODEL_WORDS) * 4;

/** Event channel ports: PORT_WORDS words each. */
export const PORTS = 1024,
  PORT_WORDS = 4;
export const PORT = {
  /** EVTCHNSTAT_*. */
  STATE: 0,
  /** Unbound: domain id that may bind; interdomain: the other domain's id; VIRQ and PIRQ: its number. */
  REMOTE: 1,
  /** Interdomain: the other's port. */
  REMOTE_PORT: 2,
  /**
   * Bits 0-7 vCPU it is delivered to, 8-11 FIFO priority; 12: pending since before the FIFO page of the port was there;
   * 16-23 vCPU and 24-27 priority of the queue it was last linked into; 30: it is the hypervisor's own (PORT_OF_XEN).
   */
  VCPU: 3,
} as const;
/** What comes in there goes to the hypervisor's half of the domain (KICK.MODEL); the guest can neither send on it nor close it. */
export const PORT_OF_XEN = 1 << 30;
/** Pending since before the FIFO page of the port was there. */
export const PORT_PENDING_EARLY = 1 << 12;
export const PORTS_BYTES = PORTS * PORT_WORDS * 4;

/** Grant table of a domain (grants/grants.ts): counts, and the machine frames that hold its entries, its active entries and its maptrack. */
export const GRANT = {
  /** Taken while the table changes; JOURNAL: what was changed, ENTRY: the entry whose users change + 1. */
  LOCK: 0,
  /** Version of the entries, 1 or 2; 0: the block is fresh. MAX_VERSION and MAX_FRAMES: as far as the guest may go. */
  VERSION: 1,
  MAX_VERSION: 2,
  FRAMES: 3,
  MAX_FRAMES: 4,
  STATUS_FRAMES: 5,
  MAPTRACK_FRAMES: 6,
  /** First free maptrack handle + 1; 0: none. */
  MAPTRACK_FREE: 7,
  ENTRY: 8,
  /** Frame whose use ends with the section + 1, times 2, + 1 if it was used to write; 0: none. */
  DROP: 9,
  /** Machine frames: of entries, of the status words of version 2, of active entries (two a frame of entries), of maptrack entries. */
  SHARED: 16,
  STATUS: 80,
  ACTIVE: 96,
  /**
   * What the domain's worker uses and no maptrack entry says: IN_FLIGHT_ENTRIES of IN_FLIGHT_WORDS (granting domain + 1, 0: none; reference; user in
   * whose name * 2 + 1 if only to read).
   */
  IN_FLIGHT: 224,
  MAPTRACK: 256,
  JOURNAL: 256 + 1024,
  /** Xen's defaults for max_grant_frames and max_maptrack_frames. */
  FRAMES_LIMIT: 64,
  MAPTRACK_LIMIT: 1024,
} as const;
export const IN_FLIGHT_ENTRIES = 8,
  IN_FLIGHT_WORDS = 3;
export const GRANTS_BYTES = (256 + 1024 + 256) * 4;
/** Of one frame of a grant table: entries of 8 and 16 bytes, status words of 2. */
export const ENTRIES_V1 = FRAME_BYTES / 8,
  ENTRIES_V2 = FRAME_BYTES / 16,
  STATUS_PER_FRAME = FRAME_BYTES / 2;
/** Active entries of a grant table: PINS: readers in bits 0-15, writers in 16-31. SPAN: first byte of the frame that counts, and how many (bits 16-31). */
export const ACTIVE_WORDS = 4,
  ACTIVE_PER_FRAME = FRAME_BYTES / (4 * ACTIVE_WORDS);
export const GRANT_ACTIVE = { PINS: 0, MFN: 1, DOMID: 2, SPAN: 3 } as const;
/** Maptrack entries: FLAGS of GNTMAP (0: free), REF (free: next free handle + 1), granting DOMID, guest frame where an HVM domain sees it. */
export const MAP_WORDS = 4,
  MAPS_PER_FRAME = FRAME_BYTES / (4 * MAP_WORDS);
export const GRANT_MAP = { FLAGS: 0, REF: 1, DOMID: 2, GFN: 3 } as const;

const wholeFrames = (bytes: number): number => Math.ceil(bytes / FRAME_BYTES) * FRAME_BYTES;
/** Where the port table, the grant table's block and shared_info lie, and how long all is: bytes from `guestOffset`, where the XEN block lies. */
export const PORTS_AT = wholeFrames(XEN_BYTES),
  GRANTS_AT = PORTS_AT + wholeFrames(PORTS_BYTES),
  SHARED_INFO_AT = GRANTS_AT + wholeFrames(GRANTS_BYTES),
  XEN_RECORD_BYTES = SHARED_INFO_AT + FRAME_BYTES;

/** Whether the guest of a domain sees Xen. */
export const isXen = ({ interface: number }: { interface: number }): boolean => number === XEN_INTERFACE;
