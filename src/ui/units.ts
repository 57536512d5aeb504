/** Sizes in words. */
import { strings } from './strings.ts';
import { bytes } from './terminal.ts';

const GIB = 2 ** 30;

/** Of a disk, as its maker counts: 500 GB. */
export const gigabytes = (n: number): string => strings.units.gigabytes(Math.round(n / 1e9));

/** Of what lies on it, as lvs counts: MiB, or GiB with a digit. */
export const size = (n: number): string => (n < GIB ? bytes(n) : strings.units.gib((n / GIB).toFixed(n < 100 * GIB ? 1 : 0)));
