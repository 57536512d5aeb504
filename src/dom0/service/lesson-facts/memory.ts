/** Pages (4 KiB): what a domain has (`pages`), may have (`max_pages`), and what of the host is free. */
import { xenViewOf } from '../../../hypervisor/interfaces/xen/view/index.ts';
import type { Family } from './told.ts';

export const memory: Family = ({ host, member, domain }, { values }) => {
  values.memory_mib = member.memoryMiB;
  values.host_free_pages = host.machine.freeFrames;
  const reservation = xenViewOf(domain)?.reservation;
  if (!reservation) return;
  values.pages = reservation.current;
  values.max_pages = reservation.most;
};
