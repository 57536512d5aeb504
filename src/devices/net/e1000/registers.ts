/**
 * Registers of the 82540EM by their byte offsets, and their bits.
 * Source: Intel, PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's Manual (317453), chapter 13.
 */

export const REG = {
  CTRL: 0x0000,
  STATUS: 0x0008,
  EECD: 0x0010,
  EERD: 0x0014,
  CTRL_EXT: 0x0018,
  MDIC: 0x0020,
  FCAL: 0x0028,
  FCAH: 0x002c,
  FCT: 0x0030,
  VET: 0x0038,
  ICR: 0x00c0,
  ITR: 0x00c4,
  ICS: 0x00c8,
  IMS: 0x00d0,
  IMC: 0x00d8,
  RCTL: 0x0100,
  FCTTV: 0x0170,
  TXCW: 0x0178,
  RXCW: 0x0180,
  TCTL: 0x0400,
  TIPG: 0x0410,
  AIFS: 0x0458,
  LEDCTL: 0x0e00,
  PBA: 0x1000,
  FCRTL: 0x2160,
  FCRTH: 0x2168,
  RDBAL: 0x2800,
  RDBAH: 0x2804,
  RDLEN: 0x2808,
  RDH: 0x2810,
  RDT: 0x2818,
  RDTR: 0x2820,
  RXDCTL: 0x2828,
  RADV: 0x282c,
  RSRPD: 0x2c00,
  TXDMAC: 0x3000,
  TDBAL: 0x3800,
  TDBAH: 0x3804,
  TDLEN: 0x3808,
  TDH: 0x3810,
  TDT: 0x3818,
  TIDV: 0x3820,
  TXDCTL: 0x3828,
  TADV: 0x382c,
  TSPMT: 0x3830,
  RXCSUM: 0x5000,
  MTA: 0x5200,
  RAL: 0x5400,
  RAH: 0x5404,
  VFTA: 0x5600,
  WUC: 0x5800,
  WUFC: 0x5808,
  WUS: 0x5810,
  IPAV: 0x5838,
  IP4AT: 0x5840,
  IP6AT: 0x5880,
  MANC: 0x5820,
  WUPL: 0x5900,
  FFLT: 0x5f00,
  FFMT: 0x9000,
  FFVT: 0x9800,
} as const;

/** Statistics, 0x4000 to 0x40fc; each is 0 after it was read. */
export const STAT = {
  FIRST: 0x4000,
  LAST: 0x40fc,
  MPC: 0x4010,
  PRC64: 0x405c,
  GPRC: 0x4074,
  BPRC: 0x4078,
  MPRC: 0x407c,
  GPTC: 0x4080,
  GORC: 0x4088,
  GOTC: 0x4090,
  RUC: 0x40a4,
  ROC: 0x40ac,
  TOR: 0x40c0,
  TOT: 0x40c8,
  TPR: 0x40d0,
  TPT: 0x40d4,
  PTC64: 0x40d8,
  MPTC: 0x40f0,
  BPTC: 0x40f4,
  TSCTC: 0x40f8,
} as const;

/** Bytes of the register space, and as far as this model keeps what is written there. */
export const REGISTER_BYTES = 0x20000,
  KEPT_BYTES = 0x6000;

export const CTRL = {
  FD: 1,
  LRST: 1 << 3,
  ASDE: 1 << 5,
  SLU: 1 << 6,
  SPEED_1000: 2 << 8,
  RST: 1 << 26,
  VME: 1 << 30,
  PHY_RST: 0x80000000,
} as const;
/** Full duplex, link up, 1000 Mb/s; a 32-bit bus of 33 MHz has its bits 0. */
export const STATUS_LU = 1 << 1,
  STATUS_UP = 1 | STATUS_LU | (2 << 6);
export const EECD = { SK: 1, CS: 2, DI: 4, DO: 8, FWE: 0x30, REQ: 0x40, GNT: 0x80, PRES: 0x100 } as const;
export const EERD = { START: 1, DONE: 1 << 4 } as const;
/** Causes of interrupts: ICR, ICS, IMS, IMC. */
export const ICR = {
  TXDW: 1,
  TXQE: 1 << 1,
  LSC: 1 << 2,
  RXSEQ: 1 << 3,
  RXDMT0: 1 << 4,
  RXO: 1 << 6,
  RXT0: 1 << 7,
  MDAC: 1 << 9,
  TXD_LOW: 1 << 15,
  SRPD: 1 << 16,
  ALL: 0x1ffff,
} as const;
export const RCTL = {
  EN: 1 << 1,
  SBP: 1 << 2,
  UPE: 1 << 3,
  MPE: 1 << 4,
  LPE: 1 << 5,
  LBM: 3 << 6,
  RDMTS_SHIFT: 8,
  MO_SHIFT: 12,
  BAM: 1 << 15,
  BSIZE_SHIFT: 16,
  VFE: 1 << 18,
  BSEX: 1 << 25,
  SECRC: 1 << 26,
} as const;
export const TCTL = { EN: 1 << 1, PSP: 1 << 3 } as const;
export const RAH_AV = 0x80000000;
export const RXCSUM = { PCSS: 0xff, IPOFLD: 1 << 8, TUOFLD: 1 << 9 } as const;

/** Bits of a transmit descriptor's command byte; in a context descriptor TCP, IP and TSE are where EOP, IFCS and IC are. */
export const TXD = {
  EOP: 1,
  IFCS: 2,
  IC: 4,
  RS: 8,
  RPS: 0x10,
  DEXT: 0x20,
  VLE: 0x40,
  IDE: 0x80,
  TCP: 1,
  IP: 2,
  TSE: 4,
  DD: 1,
  IXSM: 1,
  TXSM: 2,
} as const;
/** Status and errors of a receive descriptor. */
export const RXD = { DD: 1, EOP: 2, IXSM: 4, TCPCS: 0x20, IPCS: 0x40, PIF: 0x80, TCPE: 0x20, IPE: 0x40 } as const;

/**
 * Bits that a write changes in registers that are no plain words; registers that are not here and below KEPT_BYTES hold what was written. Of read-only ones
 * nothing, of statistics likewise.
 */
export const WRITABLE = new Map<number, number>([
  [REG.STATUS, 0],
  [REG.RXCW, 0],
  [REG.ITR, 0xffff],
  [REG.RDBAL, ~15],
  [REG.RDLEN, 0xfff80],
  [REG.RDH, 0xffff],
  [REG.RDT, 0xffff],
  [REG.RDTR, 0xffff],
  [REG.RADV, 0xffff],
  [REG.TDBAL, ~15],
  [REG.TDLEN, 0xfff80],
  [REG.TDH, 0xffff],
  [REG.TDT, 0xffff],
  [REG.TIDV, 0xffff],
  [REG.TADV, 0xffff],
]);
