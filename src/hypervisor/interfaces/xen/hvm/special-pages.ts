/**
 * What the toolstack puts into an HVM or PVH domain before it starts: special pages for the rings, HVM parameters that name them, and for PVH the pages
 * that ACPI's tables lie in. Source: tools/libs/guest/xg_dom_x86.c of Xen, for numbers and order.
 */
import { XEN, XEN_TYPE } from '../layout.ts';
import { FRAME_BYTES, FRAME_SHIFT, HostError } from '../../../memory/machine.ts';
import { HVM_PARAM, SHUTDOWN, SPECIAL, SPECIAL_PAGES, SPECIAL_PAGE_COUNT } from '../abi.ts';
import type { HypercallContext } from '../hypercalls.ts';
import { HVM_INFO, hvmInfo } from './hvm-info.ts';
import { ACPI_INFO, ACPI_TABLE_PAGES } from '../memory/memory-map.ts';
import { setParam } from './params.ts';

/** Superpages that the identity page table maps: 4 GiB in 4-MiB pages, present, writable, user, accessed, dirty, PS. */
const IDENTITY_ENTRY = 0xe7;

/** @throws HostError */
export function prepareHvm(xen: HypercallContext): void {
  const { words, record } = xen;
  const again = words[xen.xenBlock + XEN.MAX_FRAMES] !== 0;
  if (again) xen.ports.relinquish();
  const pages = Array.from({ length: SPECIAL_PAGE_COUNT }, (_, i) => SPECIAL_PAGES + i);
  if (xen.type === XEN_TYPE.PVH)
    for (let i = 0; i <= ACPI_TABLE_PAGES; i++) pages.push((ACPI_INFO >>> FRAME_SHIFT) + i);
  for (const gfn of pages) if (backPage(xen, gfn)) words[xen.xenBlock + XEN.CURRENT_FRAMES]++;
  words[xen.xenBlock + XEN.MAX_FRAMES] = record.ramFrames + pages.length;
  words[xen.xenBlock + XEN.SHUTDOWN] = 0;
  const set = (param: number, value: number): void => setParam(xen.ports, param, value);
  set(HVM_PARAM.CALLBACK_IRQ, 0);
  set(HVM_PARAM.STORE_PFN, SPECIAL_PAGES + SPECIAL.XENSTORE);
  set(HVM_PARAM.CONSOLE_PFN, SPECIAL_PAGES + SPECIAL.CONSOLE);
  set(HVM_PARAM.IOREQ_PFN, SPECIAL_PAGES + SPECIAL.IOREQ);
  set(HVM_PARAM.BUFIOREQ_PFN, SPECIAL_PAGES + SPECIAL.BUFIOREQ);
  set(HVM_PARAM.PAGING_RING_PFN, SPECIAL_PAGES + SPECIAL.PAGING);
  set(HVM_PARAM.MONITOR_RING_PFN, SPECIAL_PAGES + SPECIAL.ACCESS);
  set(HVM_PARAM.SHARING_RING_PFN, SPECIAL_PAGES + SPECIAL.SHARING);
  set(HVM_PARAM.IDENT_PT, (SPECIAL_PAGES + SPECIAL.IDENT_PT) * FRAME_BYTES);
  set(HVM_PARAM.TRIPLE_FAULT_REASON, SHUTDOWN.REBOOT);
  const identity = xen.access.physicalOffset((SPECIAL_PAGES + SPECIAL.IDENT_PT) * FRAME_BYTES, true) >>> 2;
  for (let i = 0; i < FRAME_BYTES / 4; i++) words[identity + i] = (i << 22) | IDENTITY_ENTRY;
  if (xen.type === XEN_TYPE.HVM)
    xen.machine.bytes.set(hvmInfo(record.vcpus, record, record.onlineVcpus), xen.access.physicalOffset(HVM_INFO, true));
}

/** A page of zeroes at a guest frame, its own where there is one already; true: a frame more. */
function backPage(xen: HypercallContext, gfn: number): boolean {
  const { machine, record } = xen;
  const known = xen.frames.machineFrame(gfn);
  if (known >= 0) {
    machine.scrub(known);
    return false;
  }
  const mfn = gfn < record.p2mFrames ? machine.allocate(1, record.id)?.[0] : undefined;
  if (mfn === undefined)
    throw new HostError(
      'The host has too little memory for the pages that a guest shares with Xen. Destroy another domain.',
    );
  machine.secondStage(record).map(gfn, mfn);
  return true;
}
