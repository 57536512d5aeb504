/** Frames that the page tables, descriptor tables and vCPUs of a paravirtual domain hold. */
import {
  FRAME,
  FRAME_COUNT_MASK,
  FRAME_PINNED,
  FRAME_TYPE,
  FRAME_TYPE_SHIFT,
  FRAME_VALIDATED,
} from '../../../layout/layout.ts';
import { XEN } from '../layout.ts';
import type { FrameHolder, Tally } from '../../../memory/frame-holder.ts';
import { type DomainRecord, FRAME_SHIFT, type Machine } from '../../../memory/machine.ts';
import { isPv } from '../memory/writable.ts';
import { GUEST_GDT_FRAMES, LDT_PAGES, PV, PvBlock } from './block.ts';
import { PAE as TABLES } from './pae.ts';
import { PTE_PRESENT, PTE_WRITE } from './pte.ts';

export const TABLE_FRAMES: FrameHolder = {
  release: relinquish,

  audit(tally, domains) {
    for (const record of domains) if (isPv(tally.machine, record)) auditTables(tally, record);
  },
};

/** Drops all references that a domain's page tables, pins and vCPUs hold on its own frames. From any worker. */
function relinquish(machine: Machine, record: DomainRecord): void {
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
    for (let slot = 0; slot < TABLES.entriesOf(word >>> FRAME_TYPE_SHIFT); slot++) {
      const low = words[(mfn << 10) + 2 * slot];
      if (low & PTE_PRESENT) held.push(low >>> FRAME_SHIFT);
    }
  }
  // Frames of others are held by their grants, shared_info by nobody.
  for (const mfn of held) if (mfn !== 0 && machine.ownerOf(mfn) === record.id) machine.dropReference(mfn);
  block.release(record);
}

function auditTables(tally: Tally, record: DomainRecord): void {
  const { machine } = tally,
    { words } = machine;
  const shared = words[(record.guestOffset >>> 2) + XEN.SHARED_INFO];
  const block = new PvBlock(machine, record);
  if (block.exists) tally.own(words[(record.guestOffset >>> 2) + XEN.PV] >>> FRAME_SHIFT, block.frames);
  for (let id = 0; block.exists && id < block.vcpus; id++) {
    const state = block.vcpu(id);
    if (state[PV.BASE] !== 0) tally.use(state[PV.BASE], TABLES.top);
    for (const mfn of state.subarray(PV.GDT_FRAMES, PV.GDT_FRAMES + GUEST_GDT_FRAMES))
      if (mfn !== 0) tally.use(mfn, FRAME_TYPE.DESCRIPTORS);
    for (const mfn of state.subarray(PV.LDT_FRAMES, PV.LDT_FRAMES + LDT_PAGES))
      if (mfn !== 0) tally.use(mfn, FRAME_TYPE.DESCRIPTORS);
  }
  for (let mfn = 0; mfn < machine.frames; mfn++) {
    if (machine.ownerOf(mfn) !== record.id) continue;
    const word = words[machine.frameEntry(mfn) + FRAME.TYPE];
    const type = word >>> FRAME_TYPE_SHIFT;
    if (word & FRAME_PINNED) tally.use(mfn, type);
    if (!(word & FRAME_VALIDATED) || (word & FRAME_COUNT_MASK) === 0) continue;
    for (let slot = 0; slot < TABLES.entriesOf(type); slot++) {
      const low = words[(mfn << 10) + 2 * slot],
        target = low >>> FRAME_SHIFT;
      if (!(low & PTE_PRESENT) || target === shared) continue;
      if (machine.ownerOf(target) !== record.id) {
        if (type !== FRAME_TYPE.L1)
          tally.say(`table ${mfn} of domain ${record.id} has frame ${target} of another domain as a table`);
        else tally.sees(record, target, (low & PTE_WRITE) !== 0);
      } else if (type === FRAME_TYPE.L1) {
        if (low & PTE_WRITE) tally.use(target, FRAME_TYPE.WRITABLE);
        else tally.read(target);
      } else tally.use(target, TABLES.below(type, slot));
    }
  }
}
