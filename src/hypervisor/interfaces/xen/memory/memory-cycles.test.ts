/**
 * No frame is lost: random lives of several domains on one machine, whose frames are counted after each step. Every frame belongs to nobody, to the
 * hypervisor or to a domain; what is free is what the count of free frames says; and when all domains are gone, as many are free as at the start.
 */
import { describe, expect, it } from 'vitest';
import { FRAME, XENHEAP } from '../../../layout/layout.ts';
import { XEN, XEN_TYPE } from '../layout.ts';
import { createDomain, destroyDomain } from '../../../memory/domain-table.ts';
import { type DomainRecord, HostError, Machine } from '../../../memory/machine.ts';
import { Dom0, type Mapping } from '../dom0-access.ts';
import { GrantTable } from '../grants/grants.ts';
import type { XenGuest } from '../guest.ts';
import { GuestFrames } from './guest-frames.ts';
import type { Pod } from './pod.ts';
import { Ports } from '../events/ports.ts';
import { xenRecords } from '../records.ts';

const HOST_MIB = 48;

/** xorshift32. */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return below => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

class Life {
  readonly record: DomainRecord;
  readonly frames: GuestFrames;
  readonly pod: Pod;
  readonly grants: GrantTable;
  mappings: Mapping[] = [];

  constructor(machine: Machine, random: (below: number) => number) {
    const type = random(2) === 0 ? XEN_TYPE.PVH : XEN_TYPE.HVM;
    const seen = 2 + random(8),
      populateMiB = 2 + random(seen);
    this.record = createDomain(machine, seen, 0x1000, { guest: xenRecords(type), populateMiB });
    const ports = new Ports(machine, this.record);
    machine.words[ports.xenBlock + XEN.MAX_FRAMES] = seen * 256 + 16;
    const parts = { processor: { flushTlb() {} }, written() {} };
    this.frames = new GuestFrames({
      machine,
      record: this.record,
      words: machine.words,
      xenBlock: ports.xenBlock,
      type,
      parts,
    } as unknown as XenGuest);
    this.pod = this.frames.pod;
    this.grants = new GrantTable(ports);
    this.grants.grow(1);
  }
}

function check(machine: Machine, lives: Life[]): void {
  let free = 0,
    marked = 0;
  const owned = new Map<number, number>();
  for (let mfn = 0; mfn < machine.frames; mfn++) {
    const owner = machine.ownerOf(mfn);
    if (owner < 0) free++;
    else owned.set(owner, (owned.get(owner) ?? 0) + 1);
    // A free frame has no mark of its last life.
    if (owner < 0 && machine.words[machine.frameEntry(mfn) + FRAME.SHARED] !== 0) marked++;
  }
  expect(marked).toBe(0);
  expect(free).toBe(machine.words[XENHEAP.FREE_FRAMES]);
  for (const { record, frames, pod, grants, mappings } of lives) {
    const stage = machine.secondStage(record);
    let present = 0,
      waiting = 0;
    for (const [gfn] of stage.entries()) {
      if (stage.isOnDemand(gfn)) waiting++;
      else present += machine.isXenFrame(stage.mfn(gfn)) ? 0 : 1;
    }
    expect(waiting).toBe(pod.entries);
    expect(pod.count).toBeLessThanOrEqual(pod.entries);
    // What it has: RAM in sight, its cache. Next to that frames of its grant table, and what it gave up while Domain 0 had it mapped.
    expect(frames.current).toBe(present + pod.count);
    const shown = new Set([...stage.words].filter(entry => entry & 1).map(entry => entry >>> 12));
    const lent = new Set(mappings.map(({ mfn }) => mfn).filter(mfn => !shown.has(mfn)));
    expect(owned.get(record.id)).toBe(frames.current + grants.frames + lent.size);
  }
}

function step(machine: Machine, dom0: Dom0, lives: Life[], random: (below: number) => number): void {
  const life = lives[random(lives.length)];
  const action = random(10);
  if (!life || action === 0) {
    const free = machine.freeFrames;
    try {
      lives.push(new Life(machine, random));
    } catch (error) {
      expect(error).toBeInstanceOf(HostError);
      // Sizes are named, and nothing is half-created.
      expect((error as Error).message).toMatch(/has \d+ MiB free and the guest wants \d+/);
      expect(machine.freeFrames).toBe(free);
    }
    return;
  }
  const { record, frames, pod, mappings } = life;
  const gfn = (): number => 0x100 + random(record.ramFrames);
  const many = 1 + random(200);
  switch (action) {
    case 1: {
      lives.splice(lives.indexOf(life), 1);
      // While Domain 0 has something mapped it stays, and goes with the last.
      expect(destroyDomain(machine, record)).toBe(mappings.length === 0);
      for (const mapping of mappings) mapping.unmap();
      expect(destroyDomain(machine, record)).toBe(true);
      return;
    }
    case 2:
      for (let i = 0; i < many; i++) frames.remove(gfn());
      return;
    case 3:
      for (let i = 0; i < many; i++) frames.populate(gfn());
      return;
    case 4:
      for (let i = 0; i < many; i++) {
        const at = gfn();
        // Used, and now and then written.
        if (pod.demand(at) && random(2) === 0) machine.words[(frames.machineFrame(at) << 10) + random(1024)] = 1;
      }
      return;
    case 5:
      dom0.setPodTarget(record.id, random(record.ramFrames + 100));
      return;
    case 6:
      for (let i = 0; i < 8; i++) {
        try {
          mappings.push(dom0.mapForeign(record.id, gfn()));
        } catch (error) {
          expect(error).toBeInstanceOf(HostError);
        }
      }
      return;
    case 7:
      for (const mapping of mappings.splice(0, random(mappings.length + 1))) mapping.unmap();
      return;
    case 8:
      for (let i = 0; i < many; i++) frames.move(gfn(), gfn());
      return;
    default: {
      // Its own grant table, shown and moved about.
      const mfn = life.grants.frameAt(0, false);
      frames.place(record.ramFrames + random(4), mfn);
    }
  }
}

describe('frames of domains that come and go', () => {
  it.each([1, 2, 3])('are all there again at the end, with seed %i', seed => {
    const machine = Machine.create(new SharedArrayBuffer(HOST_MIB * 2 ** 20));
    const dom0 = new Dom0(machine);
    const free = machine.freeFrames;
    const random = randomOf(seed * 0x9e3779b1);
    const lives: Life[] = [];
    for (let i = 0; i < 200; i++) {
      step(machine, dom0, lives, random);
      if (i % 20 === 0) check(machine, lives);
    }
    for (const { record, mappings } of lives) {
      for (const mapping of mappings) mapping.unmap();
      expect(destroyDomain(machine, record)).toBe(true);
    }
    expect(machine.freeFrames).toBe(free);
    check(machine, []);
  });
});
