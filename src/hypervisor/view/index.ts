/** Readers of machine memory: they need the memory and nothing else. */
export { addressText, isCanonicalAddress, readAddress } from './address.ts';
export { type Counters, exitsByName, readCounters, type TierCounters } from './counters.ts';
export {
  bitmapOf,
  EXCEPTION_VECTORS,
  EXIT_SWITCHES,
  type ExitControls,
  type ExitSwitch,
  USUAL_EXIT_CONTROLS,
  vectorsIn,
} from './exit-controls.ts';
export {
  EXIT_NAMES,
  exceptionName,
  exitSource,
  exitName,
  exitTitle,
  HYPERCALL_VECTOR,
  reasonOf,
  vectorOf,
} from './exit-reasons.ts';
export type { DomainView } from './domain-view.ts';
export { flagsName, generalOf, ipName, registerText } from './register-words.ts';
export { type FrameState, MachineView } from './machine-view.ts';
export type { PagingEntry } from './paging-entries.ts';
export { readScreen, type ScreenPicture, screenPicture, screenText } from './screen-picture.ts';
export type { Accounting, Decision, Periods, Unit } from './scheduler.ts';
export type { TraceEntry } from './trace.ts';
export type { LastExit, LastInstruction, ShadowEntry, UndeliveredEvent, VcpuState, VcpuView } from './vcpu-view.ts';
