/** The end of a paravirtual domain's tables: nothing of its own holds its frames any more, so that they can be given back. */
import { FRAME, FRAME_COUNT_MASK, FRAME_PINNED, FRAME_TYPE_SHIFT, FRAME_VALIDATED } from '../../layout/layout.ts';
import { type DomainRecord, FRAME_SHIFT, type Machine } from '../../memory/machine.ts';
import { GUEST_GDT_FRAMES, LDT_PAGES, PV, PvBlock } from './block.ts';
import { entriesOf, PTE_PRESENT } from './pte.ts';

/** Drops all references that a domain's page tables, pins and vCPUs hold on its own frames. From any worker, once the domain runs no more. */
export function relinquishPv(machine: Machine, record: DomainRecord): void {
  const block = new PvBlock(machine, record);
  if (!block.exists) return;
  const { words } = machine;
  const held: number[] = [];
  for (let id = 0; id < block.vcpus; id++) {
    const state = block.vcpu(id);
    held.push(
      state[PV.BASE],
      ...state.subarray(PV.GDT_FRAMES, PV.GDT_FRAMES + GUEST_GDT_FRAMES),
      ...state.subarray(PV.LDT_FRAMES, PV.LDT_FRAMES + LDT_PAGES),
    );
    state.fill(0);
  }
  for (let mfn = 0; mfn < machine.frames; mfn++) {
    if (machine.ownerOf(mfn) !== record.id) continue;
    const word = Atomics.exchange(words, machine.frameEntry(mfn) + FRAME.TYPE, 0);
    if (word & FRAME_PINNED) held.push(mfn);
    if (!(word & FRAME_VALIDATED) || (word & FRAME_COUNT_MASK) === 0) continue;
    for (let slot = 0; slot < entriesOf(word >>> FRAME_TYPE_SHIFT); slot++) {
      const low = words[(mfn << 10) + 2 * slot];
      if (low & PTE_PRESENT) held.push(low >>> FRAME_SHIFT);
    }
  }
  // Frames of others are held by their grants, shared_info by nobody.
  for (const mfn of held) if (mfn !== 0 && machine.ownerOf(mfn) === record.id) machine.dropReference(mfn);
  block.release(record);
}
