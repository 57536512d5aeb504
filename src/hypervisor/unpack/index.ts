/** What src/hypervisor/unpack offers to other rooms. */
export { crc32 } from './checksums.ts';
