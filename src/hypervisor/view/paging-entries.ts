/** The present entries of the paging structures to which a vCPU's CR3 leads, in the order of the addresses that go through them. Source: SDM vol. 3, 4.3 to 4.5. */
import {
  CR4_PAE,
  CR4_PSE,
  EFER_LMA,
  PHYSICAL_BITS,
  PTE_P,
  PTE_PS,
  registers as R,
} from '../../cpu/architecture/index.ts';
import type { MemoryView } from './memory-view.ts';

export interface PagingEntry {
  /** 1: of a page table, 2: of a page directory, 3: a directory pointer, 4: of a PML4. */
  level: number;
  index: number;
  /** The first address that goes through it, without a sign, and bytes from there on that do. */
  linear: number;
  bytes: number;
  low: number;
  high: number;
  /** It maps a page. */
  isLeaf: boolean;
}

const PAGE_BYTES = 4096,
  PAGE_SHIFT = 12,
  /** Of an entry's high word. */
  HIGH_FRAME_BITS = 2 ** (PHYSICAL_BITS - 32) - 1,
  LONG_LEVELS = 4;

/** What reading them needs: state words, and where a guest frame lies. */
interface Paged {
  regs: Int32Array;
  memory: MemoryView;
  /** -1: there is no memory. */
  mfn(gfn: number): number;
}

/** None where paging is off. */
export function* pagingEntries({ regs, memory, mfn }: Paged): Generator<PagingEntry> {
  if (regs[R.CR0]! >= 0) return;
  const isLong = (regs[R.EFER]! & EFER_LMA) !== 0,
    isPae = isLong || (regs[R.CR4]! & CR4_PAE) !== 0,
    bits = isPae ? 9 : 10,
    words = isPae ? 2 : 1;
  const hasLarge = (level: number): boolean =>
    level === 2 ? isPae || (regs[R.CR4]! & CR4_PSE) !== 0 : level === 3 && isLong;
  const bytesOf = (level: number): number => PAGE_BYTES * 2 ** (bits * (level - 1));
  function* table(low: number, high: number, level: number, linear: number): Generator<PagingEntry> {
    const frame = memory.frame(mfn(((high & HIGH_FRAME_BITS) << (32 - PAGE_SHIFT)) | (low >>> PAGE_SHIFT)));
    if (frame < 0) return;
    for (let index = 0; index < 1 << bits; index++)
      yield* entry(
        memory.word(frame + index * words),
        isPae ? memory.word(frame + index * words + 1) : 0,
        level,
        index,
        linear,
      );
  }
  function* entry(low: number, high: number, level: number, index: number, base: number): Generator<PagingEntry> {
    if ((low & PTE_P) === 0) return;
    const bytes = bytesOf(level),
      linear = base + index * bytes,
      isLeaf = level === 1 || (hasLarge(level) && (low & PTE_PS) !== 0);
    yield { level, index, linear, bytes, low, high, isLeaf };
    if (!isLeaf) yield* table(low, high, level - 1, linear);
  }
  const cr3 = regs[R.CR3]!;
  if (isLong) yield* table(cr3, regs[R.CR3 + R.HIGH]!, LONG_LEVELS, 0);
  else if (!isPae) yield* table(cr3, 0, 2, 0);
  // Its four directory pointers are in registers.
  else
    for (let index = 0; index < 4; index++)
      yield* entry(regs[R.PDPTE + 2 * index]!, regs[R.PDPTE + 2 * index + 1]!, 3, index, 0);
}
