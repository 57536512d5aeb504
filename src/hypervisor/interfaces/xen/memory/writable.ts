/**
 * Frames that the hypervisor or Domain 0 writes in a domain's stead: rings, grant entries, event words, vcpu_info. A reference keeps such a frame the domain's;
 * of a paravirtual domain it is writable memory meanwhile, so that it cannot become a page table, whose entries would then be written past all checks
 * (get_page_and_type with PGT_writable_page in xen/arch/x86/mm.c and xen/common/event_fifo.c).
 */
import { FRAME, FRAME_COUNT_MASK, FRAME_TYPE, FRAME_TYPE_SHIFT, FRAME_VALIDATED } from '../../../layout/layout.ts';
import { XEN, XEN_TYPE, isXen } from '../layout.ts';
import type { DomainRecord, Machine } from '../../../memory/machine.ts';

const WRITABLE = (FRAME_TYPE.WRITABLE << FRAME_TYPE_SHIFT) | FRAME_VALIDATED;

/** Whether a domain's frames have types. */
export function isPv(machine: Machine, record: DomainRecord): boolean {
  return isXen(record) && machine.words[(record.guestOffset >>> 2) + XEN.TYPE] === XEN_TYPE.PV;
}

/** One more use as writable memory; false: it is a page or descriptor table. */
export function takeWritableType(machine: Machine, mfn: number): boolean {
  const { words } = machine;
  const at = machine.frameEntry(mfn) + FRAME.TYPE;
  for (;;) {
    const seen = Atomics.load(words, at);
    const count = seen & FRAME_COUNT_MASK;
    if (count === FRAME_COUNT_MASK || (count > 0 && seen >>> FRAME_TYPE_SHIFT !== FRAME_TYPE.WRITABLE)) return false;
    if (Atomics.compareExchange(words, at, seen, count === 0 ? WRITABLE | 1 : seen + 1) === seen) return true;
  }
}

/** One use less. Of a domain that dies types count no more. */
export function dropWritableType(machine: Machine, mfn: number): void {
  const { words } = machine;
  const at = machine.frameEntry(mfn) + FRAME.TYPE;
  for (;;) {
    const seen = Atomics.load(words, at);
    if ((seen & FRAME_COUNT_MASK) === 0 || Atomics.compareExchange(words, at, seen, seen - 1) === seen) return;
  }
}

/** Takes a frame of a domain for writing; false: it is not its, or a table. */
export function takeWritable(machine: Machine, record: DomainRecord, mfn: number): boolean {
  if (!machine.takeReference(mfn, record.id)) return false;
  if (!isPv(machine, record) || takeWritableType(machine, mfn)) return true;
  machine.dropReference(mfn);
  return false;
}

export function dropWritable(machine: Machine, record: DomainRecord, mfn: number): void {
  if (isPv(machine, record)) dropWritableType(machine, mfn);
  machine.dropReference(mfn);
}

/** Whether a frame is plain memory of the domain now, which may be written as the guest itself could. */
export function isPlainMemory(machine: Machine, record: DomainRecord, mfn: number): boolean {
  if (machine.ownerOf(mfn) !== record.id) return false;
  if (!isPv(machine, record)) return true;
  const type = Atomics.load(machine.words, machine.frameEntry(mfn) + FRAME.TYPE);
  return (type & FRAME_COUNT_MASK) === 0 || type >>> FRAME_TYPE_SHIFT === FRAME_TYPE.WRITABLE;
}
