/** What a disk is on, as libvirt reckons it. */
import type { Element } from './tree.ts';

/** As <target> says, or by the name that it gives (virDomainDiskDefPostParse(), virDiskNameToBusDeviceIndex()). */
export const busOf = (target: Element | undefined): string =>
  target?.attributes.bus ??
  { hd: 'ide', vd: 'virtio', xv: 'xen', fd: 'fdc' }[(target?.attributes.dev ?? '').slice(0, 2)] ??
  'scsi';
