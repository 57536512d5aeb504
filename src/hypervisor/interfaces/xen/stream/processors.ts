/** A virtual processor in a saved state: its registers by name, and what the domain's readers see of its last exits. */
import {
  CPU_LEVELS,
  type CpuidAnswer,
  type CpuModel,
  cpuid,
  EFER_LMA,
  type Features,
  isFeature,
  modelOf,
  partsOfModel,
  registers as R,
  STATE_WORDS,
} from '../../../../cpu/architecture/index.ts';
import {
  areRegisters,
  registersOfOldWords,
  restoreRegisters,
  type SavedRegisters,
  saveRegisters,
} from '../../../../cpu/architecture/index.ts';
import type { State } from '../../../../devices/index.ts';
import { EXIT_COUNTERS } from '../../../view/exit-reasons.ts';
import {
  LAST_EXIT_WORDS,
  LAST_EXITS,
  LAST_EXITS_COUNT,
  LAST_EXITS_RING,
  VCPU_BYTES,
  VCPU_EXITS,
} from '../../../layout/layout.ts';
import { underHypervisor } from '../../cpuid.ts';
import type { SavedAbout } from './saved-state.ts';

const RING_WORDS = LAST_EXITS_COUNT * LAST_EXIT_WORDS,
  /** Of an entry, once: reason, qualification, EIP, guest-physical address or value. */
  OLD_EXIT_WORDS = 4;

/** Next to what `Vcpus` says of it. */
export interface SavedProcessor extends State {
  registers: SavedRegisters;
  /** Exits by reason (exit-reasons.ts), how many there were for the ring of the last ones, and the ring's entries. */
  exitCounts: Int32Array;
  lastExits: number;
  lastExitRing: Int32Array;
}

/** `block`: the vCPU's block in machine memory (VCPU_BYTES), with its state words parked in it. */
export function saveProcessor(block: Int32Array, state: State): SavedProcessor {
  return {
    ...state,
    registers: saveRegisters(block.subarray(0, STATE_WORDS)),
    exitCounts: block.slice(VCPU_EXITS, VCPU_EXITS + EXIT_COUNTERS),
    lastExits: block[LAST_EXITS],
    lastExitRing: block.slice(LAST_EXITS_RING, LAST_EXITS_RING + RING_WORDS),
  };
}

/** What was saved, also by versions that kept the block as it lay in memory; undefined: it is no processor. */
export function readProcessor({ block, ...state }: State): SavedProcessor | undefined {
  if (typeof state.activity !== 'number' || typeof state.extra !== 'object') return undefined;
  if (block instanceof Int32Array && block.length === VCPU_BYTES / 4)
    return {
      ...state,
      registers: registersOfOldWords(block),
      exitCounts: block.slice(VCPU_EXITS, VCPU_EXITS + EXIT_COUNTERS),
      lastExits: block[LAST_EXITS],
      lastExitRing: widened(block.subarray(LAST_EXITS_RING)),
    };
  const { registers, exitCounts, lastExits, lastExitRing } = state;
  const isWhole =
    areRegisters(registers) &&
    exitCounts instanceof Int32Array &&
    exitCounts.length <= EXIT_COUNTERS &&
    Number.isInteger(lastExits) &&
    lastExitRing instanceof Int32Array &&
    (lastExitRing.length === RING_WORDS || lastExitRing.length === LAST_EXITS_COUNT * OLD_EXIT_WORDS);
  if (!isWhole) return undefined;
  const saved = state as SavedProcessor;
  return lastExitRing.length === RING_WORDS ? saved : { ...saved, lastExitRing: widened(lastExitRing) };
}

/** A ring of the time when its entries had addresses of 32 bits. */
function widened(ring: Int32Array): Int32Array {
  const wide = new Int32Array(RING_WORDS);
  for (let i = 0; i < LAST_EXITS_COUNT; i++) {
    const [reason, qualification, eip, detail] = ring.subarray(i * OLD_EXIT_WORDS);
    wide.set([reason, qualification, eip, 0, detail, 0], i * LAST_EXIT_WORDS);
  }
  return wide;
}

/** What CPUID showed; undefined: a level that is not there. */
export const modelIn = ({ registers: { cpuLevel, cpuHidden } }: SavedProcessor): CpuModel | undefined =>
  modelOf(cpuLevel as number, (cpuHidden ?? new Int32Array(R.CPU_HIDDEN_WORDS)) as Int32Array);

/** A leaf as the first processor shows it, without its hypervisor's own; a guest of neither Xen nor KVM sees a plain PC's. */
export function leafShown(
  { kind, apic = false }: Pick<SavedAbout, 'kind' | 'apic'>,
  features: Features,
  leaf: number,
  subleaf: number,
): CpuidAnswer {
  const plain = cpuid(leaf, subleaf, apic, 0, features);
  return kind !== 'pc' ? underHypervisor(leaf, plain) : plain;
}

/** IA32_EFER says so. */
export const isInLongMode = ({ registers: { efer } }: SavedProcessor): boolean =>
  ((efer as Int32Array)[0] & EFER_LMA) !== 0;

/** Fills a vCPU's block; returns the rest, for `Vcpus`. */
export function putProcessor(
  block: Int32Array,
  { registers, exitCounts, lastExits, lastExitRing, ...state }: SavedProcessor,
): State {
  restoreRegisters(block.subarray(0, STATE_WORDS), registers);
  block.set(exitCounts, VCPU_EXITS);
  block[LAST_EXITS] = lastExits;
  block.set(lastExitRing, LAST_EXITS_RING);
  return state;
}

/** Whether it names a model of processor that is there. */
export function isModel(model: unknown): boolean {
  if (typeof model !== 'string') return false;
  const { level, hidden } = partsOfModel(model);
  return CPU_LEVELS.some(known => known === level) && hidden.every(isFeature);
}

/** Whose turn it was, and who ran in it (Vcpus.save); states of earlier versions say only who ran. */
export function isSavedTurns(turns: State | undefined, vcpus: number): boolean {
  const { current, turnLeft, owner = current, stretchRun = 0, stretchLeft = 0, called = [], ahead = [] } = turns ?? {};
  const isVcpu = (id: unknown): boolean => Number.isInteger(id) && (id as number) >= 0 && (id as number) < vcpus;
  const areNumbers = (values: unknown): boolean => Array.isArray(values) && values.every(Number.isFinite);
  return (
    isVcpu(current) &&
    isVcpu(owner) &&
    areNumbers([turnLeft, stretchRun, stretchLeft]) &&
    areNumbers(ahead) &&
    Array.isArray(called) &&
    called.every(isVcpu)
  );
}
