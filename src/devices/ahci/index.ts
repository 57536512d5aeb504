/** What src/devices/ahci offers to other rooms. */
export { Ahci } from './ahci.ts';
export {
  ATA,
  ERROR_LOG,
  isQueued,
  LOG,
  MOST_SECTORS,
  MOST_TRIM_BLOCKS,
  MOST_TRIM_SECTORS,
  type Request,
  SECTOR_BYTES,
  SENSE,
  TRIM,
  TRIM_RANGES,
  writeRequest,
} from './commands.ts';
export {
  CAP,
  CMD,
  GHC,
  HBA,
  HEADER,
  HEADER_BYTES,
  IS,
  LIST_BYTES,
  MOST_REGION_BYTES,
  PORT,
  PORTS,
  RECEIVED,
  RECEIVED_BYTES,
  REGION_BYTES,
  REGIONS,
  SLOTS,
  SSTS_UP,
} from './registers.ts';
export type { Outcome, SataMedium } from './sata-disk.ts';
