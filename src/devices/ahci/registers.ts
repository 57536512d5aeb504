/**
 * Registers of an AHCI host bus adapter by their byte offsets, their bits, and the structures that it shares with its driver.
 * Sources: Serial ATA Advanced Host Controller Interface (AHCI) 1.3.1, clauses 3 (registers) and 4 (memory structures); Serial ATA 3.0, clause 10.3 (FISes).
 */

/** Of the adapter. */
export const HBA = { CAP: 0x00, GHC: 0x04, IS: 0x08, PI: 0x0c, VS: 0x10, CAP2: 0x24 } as const;
/** Where the registers of port 0 begin, and how far apart those of two ports are. */
export const PORTS = 0x100,
  PORT_BYTES = 0x80;
/** Of a port. */
export const PORT = {
  CLB: 0x00,
  CLBU: 0x04,
  FB: 0x08,
  FBU: 0x0c,
  IS: 0x10,
  IE: 0x14,
  CMD: 0x18,
  TFD: 0x20,
  SIG: 0x24,
  SSTS: 0x28,
  SCTL: 0x2c,
  SERR: 0x30,
  SACT: 0x34,
  CI: 0x38,
} as const;

/** 1.3.1. */
export const VERSION = 0x00010301;
/** Commands that a port holds. */
export const SLOTS = 32;
/** 32 slots, second generation (3 Gb/s), no legacy interface, queued commands; addresses of 32 bits. The lowest bits say the number of ports less one. */
export const CAP = {
  SLOTS: (SLOTS - 1) << 8,
  AHCI_ONLY: 1 << 18,
  GEN2: 2 << 20,
  OVERRIDE: 1 << 24,
  QUEUED: 1 << 30,
} as const;
export const GHC = { RESET: 1, INTERRUPTS: 2, AHCI: 0x80000000 } as const;
/** PxIS and PxIE: a register FIS, one that sets up PIO, one that sets device bits; the connector's change, and the phy's; an error in the task file. */
export const IS = { D2H: 1 << 0, PIO: 1 << 1, SDB: 1 << 3, CONNECT: 1 << 6, PHY: 1 << 22, TASK_FILE: 1 << 30 } as const;
export const CMD = {
  START: 1,
  SPIN_UP: 2,
  POWER: 4,
  OVERRIDE: 8,
  FIS: 1 << 4,
  FIS_RUNS: 1 << 14,
  RUNS: 1 << 15,
} as const;
/** PxSSTS: a device, and the link at 3 Gb/s, active. PxSCTL.DET: 1 resets the device for as long as the field holds that value. */
export const SSTS_UP = 0x123,
  SCTL_RESET = 1;
/** PxSERR: the phy's readiness changed, a device was exchanged. */
export const SERR = { PHY: 1 << 16, EXCHANGED: 1 << 26 } as const;
/** PxSIG of a disk. PxTFD where no device is. */
export const DISK_SIGNATURE = 0x00000101,
  NO_DEVICE = 0x7f;

/** A command list has a header of 32 bytes for each slot. */
export const HEADER_BYTES = 32,
  LIST_BYTES = SLOTS * HEADER_BYTES;
/** First word of a header: doublewords of the FIS, and the direction; from bit 16 on the number of regions. */
export const HEADER = { FIS_LENGTH: 0x1f, WRITE: 1 << 6 } as const;
/** In a command table: where the regions begin; bytes of each, and the most that one names. */
export const REGIONS = 0x80,
  REGION_BYTES = 16,
  MOST_REGION_BYTES = 2 ** 22;
/** What the adapter writes of the FISes that it gets: how many bytes, and where each kind lies. */
export const RECEIVED_BYTES = 256,
  RECEIVED = { PIO: 0x20, D2H: 0x40, SDB: 0x58 } as const;
/** First bytes of FISes; bit 7 of the second byte: a command, bit 6: with an interrupt. */
export const FIS = { H2D: 0x27, D2H: 0x34, SDB: 0xa1, PIO: 0x5f, COMMAND: 0x80, INTERRUPT: 0x40 } as const;
/** Bytes of a register FIS. */
export const FIS_BYTES = 20;
