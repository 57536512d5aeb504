/** Media that are opened in one place alone. */
import type { DriveImage } from '../../../hypervisor/index.ts';

/** Its medium is open in Domain 0 alone: a device of the host, what is open already, or an image whose changes are kept. */
export const isOpenOnce = ({ medium }: Pick<DriveImage, 'medium'>): boolean =>
  medium !== undefined && ('device' in medium || 'disk' in medium || 'keptAs' in medium);
