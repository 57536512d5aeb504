/** Xen's ABI by name, and Domain 0's own access to it. */
export {
  APIC_ID_STEP,
  CONSOLE_PAGE,
  DOMID_SELF,
  EVTCHNOP,
  EVTCHNSTAT,
  HVM_PARAM,
  HYPERCALL,
  PV_VIRT_START,
  RUNSTATE,
  SCHEDOP,
  STORE_PAGE,
  XENMEM,
  XEN_MAJOR,
  XEN_MINOR,
  HYPERCALL_NAMES,
  hypercallName,
} from './abi.ts';
export { Dom0, type Mapping } from './dom0-access.ts';
export type { XenGuest } from './guest.ts';
export { hasHpet } from './hvm/params.ts';
export { hypercall } from './hypercalls.ts';
export { xenOf } from './of-domain.ts';
export { operationName } from './operation-names.ts';
export { isXen, MODEL, MODEL_STATE, PORT, PORTS, XEN, XEN_MODEL } from './layout.ts';
export { XEN_HVM, XEN_PV, XEN_PVH, XEN_RECORDS, xenRecords } from './records.ts';
export { CHANGESET, guestKinds, XEN_EXTRA } from './version.ts';
