/** The adapter of the host's disk, and Domain 0's driver of it. */
export { Ahci } from '../../../../devices/ahci/index.ts';
export { AhciDriver, SHARED_BYTES } from '../ahci-driver.ts';
