/** Disks of other machines, and disks for other machines. */
import { part } from '../../../formats/loading/index.ts';

export const nbd = part(() => import('./index.ts'), 'speaks NBD');
