import { describe, expect, it } from 'vitest';
import { XEN, XEN_TYPE } from '../layout.ts';
import { createDomain } from '../../../memory/domain-table.ts';
import { Machine } from '../../../memory/machine.ts';
import type { XenGuest } from '../guest.ts';
import { GuestFrames } from './guest-frames.ts';
import { Ports } from '../events/ports.ts';
import { XEN_PVH } from '../records.ts';

const READ_WRITE = 3;

function make() {
  const machine = Machine.create(new SharedArrayBuffer(16 * 2 ** 20));
  const record = createDomain(machine, 1, 512, { guest: XEN_PVH });
  const { xenBlock } = new Ports(machine, record);
  machine.words[xenBlock + XEN.MAX_FRAMES] = machine.words[xenBlock + XEN.CURRENT_FRAMES] = record.ramFrames;
  const parts = { processor: { flushTlb() {} }, written() {} };
  const guest = { machine, record, words: machine.words, xenBlock, type: XEN_TYPE.PVH, parts } as unknown as XenGuest;
  return { machine, record, frames: new GuestFrames(guest), stage: machine.secondStage(record) };
}

describe('guest frames of a domain', () => {
  it('go back when the guest gives them away, and come again', () => {
    const { machine, frames, stage } = make();
    const free = machine.freeFrames;
    expect([frames.remove(5), frames.remove(5), machine.freeFrames]).toEqual([true, false, free + 1]);
    expect([frames.populate(5), frames.populate(5), stage.entry(5) !== 0, machine.freeFrames]).toEqual([
      true,
      false,
      true,
      free,
    ]);
    // No more than it may have.
    expect(frames.populate(400)).toBe(false);
  });

  it('that a guest granted to itself are given back where they are its RAM, never where they are mapped', () => {
    const { machine, record, frames, stage } = make();
    const mfn = stage.mfn(5);
    machine.takeReference(mfn, record.id);
    expect(frames.showForeign(400, mfn, READ_WRITE)).toBe(true);
    expect([frames.remove(400), frames.move(400, 401), frames.showForeign(400, mfn, READ_WRITE)]).toEqual([
      false,
      false,
      false,
    ]);
    expect([machine.references(mfn), stage.mfn(400)]).toEqual([2, mfn]);
    expect(frames.remove(5)).toBe(true);
    expect([machine.ownerOf(mfn), frames.hideForeign(400, mfn)]).toEqual([record.id, true]);
    machine.dropReference(mfn);
    expect(machine.ownerOf(mfn)).toBe(-1);
  });
});
