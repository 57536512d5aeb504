/** Readers of what a guest shares with others by Xen: nothing, or undefined, of a guest that sees something else. */
export { grantsOf, type GrantEntry, type GrantMapping } from './grants.ts';
export {
  hypercallsOf,
  type ModelAccount,
  modelAccount,
  modelPlace,
  type VcpuRunstate,
  XenView,
  xenViewOf,
} from './xen-view.ts';
export { EVTCHNSTAT, GTF } from '../abi.ts';
export { portsOf, type PortView } from './ports.ts';
