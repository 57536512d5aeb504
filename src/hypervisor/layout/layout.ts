/**
 * Fixed-layout records of machine memory that other workers and the page read in place. Offsets are 32-bit words from the block's start.
 * Writers bump SEQUENCE to odd before and to even after a change of several words; readers retry while it is odd or has moved.
 */

/** Counters of one domain (block of COUNTER_WORDS words). 64-bit counters: low word, high word. */
export const COUNTER_WORDS = 2048;
export const COUNTERS = {
  SEQUENCE: 0,
  /** ASCII code of the domain's letter in `xl list`. */
  STATE: 1,
  RETIRED: 2,
  /** Time that its thread had the processor for it (thread-time.ts; in virtual time the guest's), and time parked, nanoseconds. */
  RUN_NS: 4,
  IDLE_NS: 6,
  EXITS_TOTAL: 8,
  /** Virtual time of the domain's clock, nanoseconds. */
  NOW_NS: 10,
  /** Requests to the device model (64 bits); of every IOREQ_SAMPLE-th that it answers next to the processor the time is taken: how many, and nanoseconds. */
  IOREQS: 12,
  IOREQ_SAMPLES: 14,
  IOREQ_SAMPLE_NS: 16,
  /** Time that it had something to do and no slot, and that the host took from its thread in the middle of a slice, nanoseconds. */
  WAIT_NS: 18,
  STOLEN_NS: 20,
  /** When all of this was written, microseconds of the host's clock. */
  HOST_US: 22,
  /**
   * The second tier (cpu/region): 0 there is none, 1 there is, 2 it does nothing (not allowed here); instructions that compiled code ran; batches of
   * instructions that began, and those among them that began in compiled code (64 bits each); regions there are, that were compiled, that made room, that a
   * change of their frame took and that brought too little; bytes of their text, and of records and their tables.
   */
  TIER: 24,
  TIER_RETIRED: 26,
  TIER_SAMPLES: 28,
  TIER_REGION_SAMPLES: 30,
  TIER_REGIONS: 32,
  TIER_COMPILED: 33,
  TIER_EVICTED: 34,
  TIER_DROPPED: 35,
  TIER_GIVEN_UP: 36,
  TIER_TEXT_BYTES: 37,
  TIER_RECORD_BYTES: 38,
  /** Bytes that accesses to ports carried between the guest and devices (64 bits). */
  PORT_BYTES: 40,
  /** Reads of local APICs that were no exits, as of VT-x's virtual-APIC page (64 bits). */
  APIC_READS: 42,
  /** What somebody chose to exit (view/exit-controls.ts): a bit for each switch that is not as usual; the exception bitmap; indices of MSRs plus 1, MOST_CHOSEN_MSRS each, 0: none. */
  EXIT_CONTROLS: 44,
  EXCEPTION_BITMAP: 45,
  MSR_READS: 46,
  MSR_WRITES: 54,
  /** PLE_Gap and PLE_Window of VT-x; 0: as usual, nobody has chosen yet. */
  PLE_GAP: 62,
  PLE_WINDOW: 63,
  /** One 32-bit counter an exit reason, EXIT_COUNTERS of them in the order of exit-reasons.ts. */
  EXITS: 64,
  /** Of every EXIT_SAMPLE-th exit the time is taken: how many of a reason (32 bits each), and their nanoseconds together (64 bits each), as EXITS. */
  EXIT_SAMPLES: 416,
  EXIT_SAMPLE_NS: 768,
  /** Hypercalls by number, COUNTED_HYPERCALLS of them, so that a viewer finds all that it shows in one block. */
  HYPERCALLS: 1472,
  /**
   * Of the times at EXIT_SAMPLE_NS, where somebody next to the exit's own handler answered (a device, a hypercall): nanoseconds until it was called, and until
   * it came back (64 bits each). Of VM exits only, EXITS_IN_PARTS of them in the order of exit-reasons.ts.
   */
  EXIT_BEFORE_NS: 1536,
  EXIT_ANSWER_NS: 1728,
  /** What went through emulated drives and disks of virtio, DRIVE_PLACES of them by their place (devices/ide), DRIVE_WORDS each, as DRIVE_COUNTS. */
  DRIVES: 1920,
} as const;
export const MOST_CHOSEN_MSRS = 8;
export const EXITS_IN_PARTS = 96,
  COUNTED_HYPERCALLS = 64;
export const DRIVE_WORDS = 4;
/** Requests that ended well, and sectors of 512 bytes. */
export const DRIVE_COUNTS = { READS: 0, READ_SECTORS: 1, WRITES: 2, WRITTEN_SECTORS: 3 } as const;
export const EXIT_SAMPLE = 64,
  IOREQ_SAMPLE = 64;

/** Ring of what a domain does (trace.ts). */
export const DOMAIN_TRACE = {
  /** How many watch: 0, and nothing is written. */
  WATCHERS: 0,
  /** Entries written, free-running. */
  WRITTEN: 1,
  RING: 8,
} as const;
export const TRACE_RING_ENTRIES = 512,
  TRACE_RING_WORDS = 16,
  DOMAIN_TRACE_BYTES = (8 + 512 * 16) * 4;
/** Words of an entry; its details, and of an exit what it was about and CR3, are numbers of two words. */
export const TRACE_ENTRY = {
  /** TRACE_KIND; from bit 8 on the vCPU. */
  KIND: 0,
  NS: 1,
  DETAILS: 3,
  ABOUT: 9,
  CR3: 11,
  EXIT_NS: 13,
  BEFORE_NS: 14,
  ANSWER_NS: 15,
} as const;

/** Screen of one domain: header words, then the text cells or pixels. */
export const SCREEN = {
  SEQUENCE: 0,
  /** 0 off, 1 text, 2 graphics (pixels as 0xAABBGGRR words, ready for ImageData). */
  MODE: 1,
  /** Text: columns and rows. Graphics: pixels. */
  WIDTH: 2,
  HEIGHT: 3,
  /** Text: cell under the cursor (row * columns + column), -1 hidden; first and last scan line of it in bits 0-7, 8-15 of CURSOR_SHAPE. */
  CURSOR: 4,
  CURSOR_SHAPE: 5,
  /** Bumped whenever cells or pixels changed. */
  GENERATION: 6,
  /** Character height in scan lines. */
  CELL_HEIGHT: 7,
  /** 16 palette entries, 0x00RRGGBB. */
  PALETTE: 8,
  /** Graphics: byte offset in machine memory of WIDTH * HEIGHT pixels; it moves when the picture grows. */
  PIXELS: 24,
  /** Text: 1 where bit 7 of an attribute makes its text blink, 0 where it makes the background bright. */
  BLINK: 25,
  /** Viewers add 1 to it when they have shown the last picture and want the next one. */
  WANTED: 26,
  /** Text: word where the cells start (two a word: character in bits 0-7, attribute 8-15). Graphics: one word a row, GENERATION at its last change. */
  DATA: 64,
  /**
   * Text: word where the fonts start: 256 characters of 32 bytes for attribute bit 3 clear, 256 for bit 3 set; a byte a scan line from the top,
   * bit 7 leftmost.
   */
  FONT: 12 * 1024,
} as const;
/** Bytes of a screen block: room for 132 x 60 cells and two fonts; pixels lie elsewhere. */
export const SCREEN_BYTES = 64 * 1024;

/** Start of machine memory (words). The frame table and the domain table follow at the byte offsets given here. */
export const XENHEAP = {
  MAGIC: 0,
  VERSION: 1,
  /** Frames of machine memory, and how many nobody owns. */
  FRAMES: 2,
  FREE_FRAMES: 3,
  FRAME_TABLE: 4,
  DOMAIN_TABLE: 5,
  /** No frame below this one is free. */
  LOWEST_FREE: 6,
  /** Id of the youngest domain; ids are not used twice. */
  LAST_DOMAIN: 7,
  /** Taken while the port tables of two domains change together; what a section of it has changed is at PORT_JOURNAL (lock.ts). */
  PORT_LOCK: 8,
  /** Byte offset of the M2P table: one word a machine frame, the frame number by which its owner knows it; INVALID_M2P: nobody does. PV guests read it. */
  M2P: 9,
  /** Byte offset of the run queue (scheduler/block.ts). */
  SCHEDULER: 10,
  /** Taken while frames are given out or come back. */
  FRAME_LOCK: 11,
  /** 1: HVM guests have the forced emulation prefix. */
  HVM_FEP: 12,
  /** 1: Xen has no VT-x to use, and runs paravirtual guests alone. */
  NO_VT: 13,
  /** Number of the last block request or packet that was followed (tracing/io-trace.ts). */
  LAST_REQUEST: 14,
  /** Counts the rings for the storage worker: drives have asked it for something, or Domain 0 has (ringStorage). */
  STORAGE_DOORBELL: 15,
  /** Byte offset of the log of written frames (cpu/architecture/write-log.ts), whose first word counts who keeps one (memory/dirty-log.ts). */
  WRITE_LOG: 16,
  PORT_JOURNAL: 256,
  /** A word for each FRAMES_OF_GROUP frames: how many of them are free. */
  GROUP_FREE: 512,
} as const;
/** 2 GiB of machine memory have 512 such groups. */
export const GROUP_SHIFT = 10,
  FRAMES_OF_GROUP = 1 << GROUP_SHIFT;
export const INVALID_M2P = 0xffffffff | 0;
export const XENHEAP_MAGIC = 0x474e4952,
  XENHEAP_VERSION = 1,
  XENHEAP_HEADER_BYTES = 4096;

export const FRAME_SHIFT = 12,
  FRAME_BYTES = 1 << FRAME_SHIFT;
/** A frame's entry in the frame table (FRAME_WORDS words). */
export const FRAME_WORDS = 4;
export const FRAME = {
  /**
   * 0: free. Bits 17-31: the owner's domain id + 1; bits 0-16: references that keep the frame from the allocator. One word, so that one
   * compare-and-swap takes a reference and checks whose frame it is.
   */
  COUNT: 0,
  /** Bits of FRAME_FLAG. */
  FLAGS: 1,
  /** Bits 29-31: type (FRAME_TYPE); 28: pinned; 27: its entries were checked; bits 0-16: uses of that type. */
  TYPE: 2,
  /** Mappings of others that may write it; in a populate-on-demand cache: the next frame there + 1. */
  SHARED: 3,
} as const;
/** Guest frames of which there is memory from the start, whatever is populated on demand: firmware and the chipset change what is seen below 1 MiB. */
export const FRAMES_AT_ONCE = 0x100;
/** Who owns the hypervisor's own frames (xen/include/public/xen.h). */
export const DOMID_XEN = 0x7ff2;
export const FRAME_COUNT_MASK = 0x1ffff,
  FRAME_OWNER_SHIFT = 17;
/**
 * ALLOCATED: one of the references is the owner's. DEVICE: a ROM or a frame buffer, which its owner cannot give away. CODE: its owner's processor has
 * translated code from it since the last notice that others write there. XEN: the hypervisor's, though a domain owns it and may see it (its grant table).
 */
export const FRAME_FLAG = { ALLOCATED: 1, DEVICE: 2, CODE: 4, XEN: 8 } as const;
/** Bits 16-31 of FLAGS: the worker that took the frame (its domain's index) + 1. */
export const FRAME_TAKER_SHIFT = 16;
/** Page types of PV memory (xen/arch/x86/include/asm/mm.h, PGT_*). NONE with uses does not occur. */
/** L2_XEN: an L2 table for the last GiB, where the hypervisor has entries of its own; only slot 3 of an L3 table may point to it. */
export const FRAME_TYPE = { NONE: 0, L1: 1, L2: 2, L3: 3, DESCRIPTORS: 5, L2_XEN: 6, WRITABLE: 7 } as const;
export const FRAME_TYPE_SHIFT = 29,
  FRAME_PINNED = 1 << 28,
  FRAME_VALIDATED = 1 << 27;

/** A domain's entry in the domain table (DOMAIN_WORDS words); the offsets are bytes of machine memory. */
export const MAX_DOMAINS = 64,
  DOMAIN_WORDS = 32;
export const DOMAIN = {
  /** 0: the entry is free; otherwise the domain's id + 1. Entry 0 is Domain 0's. */
  ID: 0,
  /** Frames of the block that holds the domain's records, from the one at RECORDS. */
  RECORDS: 1,
  RECORD_FRAMES: 2,
  COUNTERS: 3,
  SCREEN: 4,
  /** A block a vCPU: state words (src/cpu/architecture/registers.ts), then the ring of last exits. */
  VCPU: 5,
  MAILBOX: 6,
  P2M: 7,
  /** Words of the p2m: guest frames past it do not exist. */
  P2M_FRAMES: 8,
  /** Frames of RAM. */
  RAM_FRAMES: 9,
  /** First frame, and frames, of the memory for graphics pictures; 0 frames: none yet. */
  PIXELS: 10,
  PIXEL_FRAMES: 11,
  /** Byte offset of what the interface that its guest sees keeps of it (GuestRecords); 0: nothing, as of a plain PC. */
  GUEST: 12,
  /** Frames of RAM below the PCI hole; the others lie from 4 GiB on (ram-layout.ts). */
  LOW_FRAMES: 13,
  /** 1: it is being destroyed; no port is bound to it and none of its frames is mapped any more. */
  DYING: 15,
  /** Virtual processors: VCPU holds a block of VCPU_BYTES for each. */
  VCPUS: 16,
  /**
   * The vCPU whose turn it is, and where its state words lie while it is: with one vCPU in its block, else in a place of their own, which they all
   * share. Registers of a vCPU: at LIVE if it is CURRENT_VCPU, in its block if not. The count of retired instructions is the domain's.
   */
  CURRENT_VCPU: 17,
  LIVE: 18,
  /** Ring of what the domain does (DOMAIN_TRACE). */
  TRACE: 20,
  /** The domain's id + 1: its worker runs; the same negative: it has died, with whatever it was doing; 0: it has none, or it went in order (worker-life.ts). */
  WORKER: 21,
  /** Virtual processors that its firmware tables show as there from the start; the others can be brought up later. */
  ONLINE_VCPUS: 22,
  /** Counts the rounds of its worker's loop. */
  HEARTBEAT: 23,
  /** Byte offset of the frames on their way between its network cards and Domain 0 (WIRE, one behind the other; WIRES says how many). */
  WIRE: 24,
  /** Byte offset of the requests of its emulated drives to media that others have open (DRIVE_QUEUE); 0: it has none. */
  DRIVES: 25,
  /** Number of the interface that its guest sees of the hypervisor (GuestRecords); 0: a plain PC. */
  INTERFACE: 26,
  /** 1: its frames have types, since the guest's own page tables name them (FRAME.TYPE). */
  TYPED: 27,
  /** Byte offset and frames of the pool of its shadow page tables, a top table a vCPU first (memory/shadow-tables.ts); 0 frames: it has none (hap = 1). */
  SHADOW: 28,
  SHADOW_FRAMES: 29,
  /** Cards that it may have; 0: none. */
  WIRES: 30,
} as const;

/** Behind a domain's p2m, from a whole frame on, lies a byte for each 4,096 guest frames: 1: something lies, or has lain, at one of them. */
export const P2M_PART_SHIFT = 12;
export const p2mParts = (p2mFrames: number): number => Math.ceil(p2mFrames / (1 << P2M_PART_SHIFT));

/**
 * Frames between a domain's emulated network card and Domain 0's bridge: a ring of bytes each way (worker/frame-ring.ts). Words of a ring's head: bytes put
 * in and taken out, free-running, and frames that found no room.
 */
export const WIRE = { FROM_CARD: 0, TO_CARD: 16, FRAMES: 32 } as const;
export const FRAME_RING = { WRITTEN: 0, READ: 1, DROPPED: 2 } as const;
/** A power of two: some forty frames of full length. */
export const FRAME_RING_BYTES = 65536,
  WIRE_BYTES = 32 * 4 + 2 * 65536;

/**
 * Requests of a domain's emulated drives to media that Domain 0 or the storage worker has open (disks/drive-queue.ts). Behind the words of their queue
 * (disks/block-queue.ts): the fingerprint of each drive's medium; bits by place: the storage worker has the medium, and PV drivers have used it, so that the
 * drive writes no more; rings of those who serve it. The data of each slot lie behind, from DATA bytes on.
 */
export const DRIVE_QUEUE_SLOTS = 4,
  DRIVE_PLACES = 14,
  DRIVE_QUEUE_SLOT_BYTES = 128 * 1024;
export const DRIVE_QUEUE = { FINGERPRINTS: 640, AT_STORAGE: 656, CLAIMED: 657, RINGS: 658, DATA: 4096 } as const;
export const DRIVE_QUEUE_BYTES = 4096 + 4 * 128 * 1024;
/** Bytes of what the interface of a guest keeps of its domain, at most: those of Xen's (interfaces/xen/layout.ts). */
export const MOST_GUEST_RECORD_BYTES = 14 * FRAME_BYTES;

/** Ring of a virtual processor's last exits: word LAST_EXITS of its block counts them all; entry i is at LAST_EXITS_RING + (i % LAST_EXITS_COUNT) * LAST_EXIT_WORDS. */
export const LAST_EXITS = 1024,
  LAST_EXITS_RING = 1028,
  LAST_EXITS_COUNT = 32;
/** Words of an entry: reason, qualification, RIP (two words), guest-physical address or value (two words). */
export const LAST_EXIT_WORDS = 6;
/** Exits of this vCPU by reason, as COUNTERS.EXITS. */
export const VCPU_EXITS = 1280;
/**
 * A virtual processor's last instructions, where its domain keeps them: word LAST_CODE of its block counts entries, entry i is at
 * LAST_CODE_RING + (i % LAST_CODE_COUNT) * LAST_CODE_WORDS. One of 64-bit code takes two: the second has the high halves. Of processor 0 word LAST_CODE_KEPT says so, before the domain's worker starts.
 */
export const LAST_CODE_KEPT = 1632,
  LAST_CODE = 1633,
  LAST_CODE_RING = 1636,
  LAST_CODE_COUNT = 50;
/** Words of an entry: linear address, EIP, what it is about (LAST_CODE_ABOUT), three values of registers, address and value of the last write to memory. */
export const LAST_CODE_WORDS = 8;
/**
 * 32-bit code; values are known; how many registers (2 bits), each one's number (4 bits); bytes of the last write to memory (4 bits, 0: none); of 64-bit
 * code, and its second entry.
 */
export const LAST_CODE_ABOUT = {
  IS_32: 1,
  IS_KNOWN: 2,
  COUNT: 2,
  REGISTERS: 4,
  WRITTEN: 16,
  IS_64: 1 << 20,
  IS_HIGH: 1 << 21,
} as const;
/** Instructions that this vCPU has retired, of its domain's: two words. */
export const VCPU_RETIRED = 2040;
export const VCPU_BYTES = 8192;
/** vCPUs of one domain at most. */
export const MAX_VCPUS = 8;
/** RAM of a domain at most: it lies below the PCI hole, and machine memory is no larger. */
export const MAX_MEMORY_MIB = 2047;

/** How other workers reach a domain's worker: they change words here, then add 1 to DOORBELL and notify it. */
export const MAILBOX = {
  DOORBELL: 0,
  /** Ring of verbs (worker/mailbox.ts): bytes written and bytes read, free-running; its bytes start at word RING. */
  WRITTEN: 1,
  READ: 2,
  /** Flushes of the TLB that others asked the domain's worker for (free-running), how many it has made, and 1 while it may use translations (memory/flush.ts). */
  FLUSH_WANTED: 3,
  FLUSH_DONE: 4,
  IN_GUEST: 5,
  RING: 64,
} as const;
export const MAILBOX_RING_BYTES = 8192,
  MAILBOX_BYTES = 12288;
