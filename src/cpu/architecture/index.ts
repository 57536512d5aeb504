/** What anyone may know of a processor without loading one: its state words, CPUID, VM exits and controls, the walk through page tables. */
export {
  CR0_ET,
  CR0_MP,
  CR0_NE,
  CR0_PE,
  CR0_PG,
  CR0_TS,
  CR0_WP,
  CR4_DE,
  CR4_OSFXSR,
  CR4_OSXMMEXCPT,
  CR4_PAE,
  CR4_PSE,
  CR4_TSD,
  EFER_LMA,
  EFER_LME,
  EFER_NXE,
  EFER_SCE,
} from './control-bits.ts';
export {
  CPU_LEVELS,
  type CpuLevel,
  type CpuModel,
  type CpuidAnswer,
  cpuid,
  type Features,
  CRYSTAL_HZ,
  featuresOf,
  hasLongMode,
  isFeature,
  modelOf,
  shownBy,
  TSC_HZ,
} from './cpuid.ts';
export {
  DOUBLE_ZERO,
  type Emulated,
  EPT_FETCH,
  EPT_WRITE,
  EVENT_ERROR_CODE,
  EVENT_EXCEPTION,
  EVENT_EXTERNAL,
  EVENT_NMI,
  EVENT_PRIVILEGED_SOFTWARE,
  EVENT_SOFTWARE,
  EVENT_SOFTWARE_EXCEPTION,
  EVENT_TYPE_MASK,
  EVENT_VALID,
  type ExitInfo,
  ExitReason,
  IO_IN,
  IO_REP,
  IO_SIZE_MASK,
  IO_STRING,
  P2M_EXECUTE,
  P2M_ON_DEMAND,
  P2M_READ,
  P2M_RWX,
  P2M_WRITE,
  type Probe,
  type Processor,
  type ProcessorExtra,
  type ProcessorOptions,
  type TimeSource,
} from './edge.ts';
export { ALL, ARITHMETIC, ZF, arithmetic } from './flags.ts';
export { PageWalk, PHYSICAL_BITS, PTE_P, PTE_PS, type Translation } from './paging.ts';
export {
  type Compile,
  functionOf,
  type RegionCompiler,
  type RegionOptions,
  type RegionStatistics,
  type RegionView,
  type Regions,
} from './regions.ts';
export { arithmeticOf } from './long-flags.ts';
export { ipOf, isLongCode, linearIpOf, STATE_WORDS, wideOf } from './registers.ts';
export {
  type SavedRegisters,
  areRegisters,
  registersOfOldWords,
  restoreRegisters,
  saveRegisters,
} from './saved-registers.ts';
export * as registers from './registers.ts';
export { WRITE_LOG_HEAD, WriteLog } from './write-log.ts';
