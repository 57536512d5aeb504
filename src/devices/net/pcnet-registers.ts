/** Bits of the Am79C970A's registers and descriptors, by the datasheet's names (publication 19436, "User Accessible Registers"). */

/** Control and status registers by their numbers; CSR0, CSR3, CSR4 and CSR5, whose bits have names below, are called by their numbers. */
export const CSR = {
  /** Address of the initialization block, two words; CSR16 and CSR17 are the same. */
  IADR: 1,
  IADR_ALIAS: 16,
  /** Lengths of both descriptor rings, as the initialization block has them. */
  RXTX_LENGTH: 6,
  /** Logical address filter, four words; physical address, three. */
  LADRF: 8,
  PADR: 12,
  MODE: 15,
  /** Base addresses of the receive and the transmit ring, two words each. */
  BADR: 24,
  BADX: 30,
  /** Addresses of descriptors, two words each: next and current for receiving, the same for transmitting, next but one of both. */
  NRDA: 26,
  CRDA: 28,
  NXDA: 32,
  CXDA: 34,
  NNRD: 36,
  NNXD: 38,
  /** Software style: the same as BCR20. */
  SWS: 58,
  /** Ring counters: minus the length means the first descriptor. */
  RCVRC: 72,
  XMTRC: 74,
  /** Ring lengths, as two's complement. */
  RCVRL: 76,
  XMTRL: 78,
  /** DMA transfer counter and FIFO thresholds. */
  DMATCFW: 80,
  CHIP_ID: 88,
  /** Converts an encoded ring length. */
  RING_LENGTH_CONVERSION: 92,
  /** Memory error time-out. */
  MERRTO: 100,
  /** Missed frames, receive collisions. */
  MFC: 112,
  RCC: 114,
  /** Advanced feature control. */
  AFC: 122,
  TEST: 124,
} as const;

export const CSR0 = {
  INIT: 0x0001,
  STRT: 0x0002,
  STOP: 0x0004,
  TDMD: 0x0008,
  TXON: 0x0010,
  RXON: 0x0020,
  IENA: 0x0040,
  INTR: 0x0080,
  IDON: 0x0100,
  TINT: 0x0200,
  RINT: 0x0400,
  MERR: 0x0800,
  MISS: 0x1000,
  CERR: 0x2000,
  BABL: 0x4000,
  ERR: 0x8000,
  /** Cleared by writing 1. */
  CAUSES: 0x7f00,
  /** What raises INTR unless CSR3 masks it: CERR does not. */
  INTERRUPTS: 0x5f00,
  ERRORS: 0x7800,
} as const;

export const CSR3 = { DXSUFLO: 0x0040, WRITABLE: 0x5f7c } as const;

export const CSR4 = {
  EN124: 0x8000,
  TXDPOLL: 0x1000,
  APAD_XMT: 0x0800,
  ASTRP_RCV: 0x0400,
  MFCO: 0x0200,
  UINTCMD: 0x0080,
  UINT: 0x0040,
  TXSTRT: 0x0008,
  JAB: 0x0002,
  /** MFCO, UINT, RCVCCO, TXSTRT, JAB: cleared by writing 1. */
  CAUSES: 0x026a,
  /** The causes that have a mask bit right below them. */
  MASKED: 0x022a,
  /** After a reset: the four masks. */
  INITIAL: 0x0115,
} as const;

export const CSR5 = {
  TOKINTD: 0x8000,
  LTINTEN: 0x4000,
  SPND: 0x0001,
  /** SINT, SLPINT, EXDINT, MPINT: cleared by writing 1; each has its enable bit right below. */
  CAUSES: 0x0a90,
  WRITABLE: 0xc56f,
} as const;

/** CSR15, also the first word of the initialization block. */
export const MODE = {
  PROM: 0x8000,
  DRCVBC: 0x4000,
  DRCVPA: 0x2000,
  INTL: 0x0040,
  DRTY: 0x0020,
  FCOLL: 0x0010,
  DXMTFCS: 0x0008,
  LOOP: 0x0004,
  DTX: 0x0002,
  DRX: 0x0001,
} as const;

export const BCR = { MC: 2, LNKST: 4, LED3: 7, FDC: 9, BSBC: 18, EECAS: 19, SWS: 20, INTCON: 21, PCILAT: 22 } as const;
/** Read-only in BCR20. */
export const SSIZE32 = 0x0100,
  CSRPCNET = 0x0200;
export const DWIO = 0x0080;
export const EE = {
  PVALID: 0x8000,
  PREAD: 0x4000,
  EEDET: 0x2000,
  EEN: 0x0010,
  ECS: 0x0004,
  ESK: 0x0002,
  EDI: 0x0001,
} as const;

/** Upper 16 bits of RMD1 and TMD1 (of the 16-bit forms: the upper byte of the word). */
export const RMD = {
  OWN: 0x8000,
  ERR: 0x4000,
  OFLO: 0x1000,
  CRC: 0x0800,
  BUFF: 0x0400,
  STP: 0x0200,
  ENP: 0x0100,
  PAM: 0x0040,
  LAFM: 0x0020,
  BAM: 0x0010,
} as const;
export const TMD = { OWN: 0x8000, ERR: 0x4000, ADD_FCS: 0x2000, LTINT: 0x1000, STP: 0x0200, ENP: 0x0100 } as const;
/** Upper 16 bits of TMD2 (of the 16-bit form: TMD3). */
export const TMD2 = { BUFF: 0x8000, UFLO: 0x4000, RTRY: 0x0400 } as const;
