/** Sizes in words. */
import { bytes } from './terminal.ts';

const GIB = 2 ** 30;

/** Of a disk, as its maker counts: 500 GB. */
export const gigabytes = (n: number): string => `${Math.round(n / 1e9)} GB`;

/** Of what lies on it, as lvs counts: MiB, or GiB with a digit. */
export const size = (n: number): string => (n < GIB ? bytes(n) : `${(n / GIB).toFixed(n < 100 * GIB ? 1 : 0)} GiB`);
