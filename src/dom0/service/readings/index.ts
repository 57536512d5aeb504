/** Readings of the host's counters over an hour, and how coarse they become: the page reads them as Domain 0 does. */
export { HostReadings, ownsMemory, type Reading, thinned } from './readings.ts';
