/** Guests of Xen, by what libxl can do to them, and a PC, to which nothing can be done. */
import type { LibvirtKind } from './kind.ts';

export const pvh: LibvirtKind = {
  type: 'xen',
  live: { memory: true, vcpus: true, disks: 'xvd', mostCards: Infinity },
  countsVcpus: true,
  memoryStats: false,
  aliases: () => [],
  cardWords: { model: () => [], withoutAddress: '' },
  refuse: () => {},
};

export const hvm: LibvirtKind = { ...pvh, live: { ...pvh.live, vcpus: false } };

/** A PC that finds no hypervisor. */
export const pc: LibvirtKind = {
  ...pvh,
  live: { memory: false, vcpus: false, mostCards: 0 },
  countsVcpus: false,
};
