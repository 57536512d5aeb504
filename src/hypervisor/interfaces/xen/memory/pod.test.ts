/** Rules of populate on demand as xen/arch/x86/mm/p2m-pod.c has them, and its counts as XENMEM_get_pod_target shows them (xen/include/public/memory.h). */
import { describe, expect, it, vi } from 'vitest';
import { asm } from '../../../../cpu/test-support/asm.ts';
import * as R from '../../../../cpu/architecture/registers.ts';
import { assembleDomain } from '../../assemble.ts';
import { workerDied } from '../../../memory/dead-worker.ts';
import { XEN, XEN_TYPE } from '../layout.ts';
import { createDomain, destroyDomain } from '../../../memory/domain-table.ts';
import { dropLock, takeLock } from '../../../memory/lock.ts';
import { Machine } from '../../../memory/machine.ts';
import { Dom0 } from '../dom0-access.ts';
import { hypercall } from '../hypercalls.ts';
import { Pod } from './pod.ts';
import { ARGS, LOAD, pvhKernel } from '../pvh-program.test-support.ts';
import { xenOf } from '../of-domain.ts';
import { XEN_PVH, xenRecords } from '../records.ts';
import { forgetBeforeGuest } from '../../../memory/flush.ts';
import { MAILBOX } from '../../../layout/layout.ts';

const MIB_FRAMES = 256;
const SPECIAL_FRAMES = 10;
const MEMORY_OP = 12,
  DECREASE_RESERVATION = 1,
  POPULATE_PHYSMAP = 6,
  DOMID_SELF = 0x7ff0;
const CLI_HLT = asm('cli; hlt');

/** A PVH domain that sees 8 MiB and has 4. */
function make(code: number[] = CLI_HLT, type: number = XEN_TYPE.PVH) {
  const machine = Machine.create(new SharedArrayBuffer(64 * 2 ** 20));
  const dom0 = new Dom0(machine);
  const free = machine.freeFrames;
  const record = createDomain(machine, 8, 0x100000, { guest: xenRecords(type), populateMiB: 4 });
  let said = '';
  const domain = assembleDomain({
    machine,
    record,
    memoryMiB: 8,
    boot: { kind: 'kernel', kernel: pvhKernel(code), name: 'program', cmdline: '' },
    startEpochMs: 0,
    onReset: 'end',
    onTripleFault: 'end',
    apic: true,
    serial: () => {},
    xenConsole: bytes => {
      said += String.fromCharCode(...bytes);
    },
  });
  const pod = new Pod(machine, record);
  const { memory } = domain,
    xen = xenOf(domain);
  if (!xen) throw new Error('not a guest of Xen');
  const list = (op: number, ...gfns: number[]): number => {
    const words = new Int32Array([ARGS + 0x100, gfns.length, 0, 0, DOMID_SELF]);
    memory.write(ARGS, new Uint8Array(words.buffer));
    memory.write(ARGS + 0x100, new Uint8Array(new Int32Array(gfns).buffer));
    return hypercall(xen, MEMORY_OP, [op, ARGS, 0, 0, 0]);
  };
  return {
    machine,
    dom0,
    record,
    domain,
    pod,
    free,
    list,
    touch: (gfn: number) => memory.write(gfn * 4096, Uint8Array.of(1)),
    said: () => said,
  };
}

/** What a domain has is what the host gave it: RAM in its second stage, the cache, nothing else. */
function owned(machine: Machine, id: number): number {
  let count = 0;
  for (let mfn = 0; mfn < machine.frames; mfn++) if (machine.ownerOf(mfn) === id) count++;
  return count;
}

describe('populate on demand', () => {
  it('gives a domain the frames of memory, and entries for the rest of maxmem', () => {
    const { machine, record, dom0, pod } = make();
    expect(owned(machine, record.id)).toBe(4 * MIB_FRAMES + SPECIAL_FRAMES);
    const { totPages, podCachePages, podEntries } = dom0.getPodTarget(record.id);
    expect(totPages).toBe(owned(machine, record.id));
    // All RAM is somewhere: populated, or waiting.
    const populated = [...machine.secondStage(record).words.subarray(0, 8 * MIB_FRAMES)].filter(
      entry => entry & 1,
    ).length;
    expect([populated + podCachePages, populated + podEntries]).toEqual([4 * MIB_FRAMES, 8 * MIB_FRAMES]);
    expect(pod.entries).toBeGreaterThan(pod.count);
  });

  it('populates what the processor touches, by reads, writes and fetches', () => {
    // A store to two pages; a fetch.
    const { domain, machine, record, pod } = make(
      asm(
        `
          mov esp, 0x600000; mov eax, [0x300004]; mov [0x400ffe], eax
          mov byte [0x500000], 0xc3; mov eax, 0x500000; call eax; cli; hlt
        `,
      ),
    );
    const before = pod.count;
    while (domain.runSlice().state === 'running');
    const stage = machine.secondStage(record);
    expect([0x300, 0x400, 0x401, 0x500, 0x5ff, 0x301].map(gfn => stage.rights(gfn))).toEqual([7, 7, 7, 7, 7, 0]);
    expect(before - pod.count).toBe(5);
    expect(domain.ending?.kind).toBe('poweroff');
  });

  it('reads zeroes where page tables lie in memory that is not there yet', () => {
    // CR3 = 0x700000, PG on: nothing is present there, and looking does not populate.
    const { domain, pod } = make();
    const { regs } = domain.processor;
    const before = pod.count;
    regs[R.CR3] = 0x700000;
    regs[R.CR0] |= 0x80000001;
    domain.processor.reload();
    domain.processor.flushTlb();
    expect([domain.processor.translate(0x300000), pod.count]).toEqual([-1, before]);
  });

  it('takes zeroed memory back when the cache is empty', () => {
    const { domain, pod, machine, record, touch } = make();
    const stage = machine.secondStage(record);
    // Touched, but left as it was.
    for (let gfn = 0x600; pod.count > 0; gfn--) expect(domain.map.demand(gfn)).toBe(true);
    const { entries } = pod;
    touch(0x700);
    expect(stage.rights(0x700)).toBe(7);
    expect(pod.entries).toBe(entries - 1 + machine.words[(record.guestOffset >>> 2) + XEN.POD_SWEPT]);
    expect(owned(machine, record.id)).toBe(4 * MIB_FRAMES + SPECIAL_FRAMES);
    // Somebody's mapping keeps a frame where it is, zeroes or not.
    expect(domain.ending).toBe(null);
  });

  it('never takes a frame that somebody has mapped', () => {
    const { domain, dom0, pod, machine, record, touch } = make();
    const mapping = dom0.mapForeign(record.id, 0x480);
    for (let gfn = 0x600; pod.count > 0; gfn--) domain.map.demand(gfn);
    for (let i = 0; i < 300; i++) touch(0x700 - i);
    expect(machine.secondStage(record).mfn(0x480)).toBe(mapping.mfn);
    mapping.unmap();
  });

  it("crashes a domain that uses more than it has, with Xen's words", () => {
    const { domain, touch, said, record } = make();
    for (let gfn = LOAD >>> 12; gfn < 8 * MIB_FRAMES; gfn++) touch(gfn);
    const result = domain.runSlice();
    expect(result).toMatchObject({ state: 'ended', ending: { kind: 'crash' } });
    expect(said()).toMatch(
      new RegExp(
        `^\\(XEN\\) p2m_pod_demand_populate: Dom${record.id} out of PoD memory! \\(tot=${4 * MIB_FRAMES + SPECIAL_FRAMES} ents=\\d+ dom${record.id}\\)\\n`,
      ),
    );
  });

  it('lets the balloon driver give entries back, and keeps frames that entries wait for', () => {
    const { pod, list, machine, record, touch } = make();
    const total = owned(machine, record.id),
      { entries, count } = pod;
    expect(list(DECREASE_RESERVATION, 0x700, 0x701)).toBe(2);
    expect([pod.entries, pod.count, owned(machine, record.id)]).toEqual([entries - 2, count, total]);
    touch(0x600);
    // A populated frame goes to the cache, while entries outnumber it.
    expect(list(DECREASE_RESERVATION, 0x600)).toBe(1);
    expect([pod.entries, pod.count, owned(machine, record.id)]).toEqual([entries - 3, count, total]);
    // When the difference has been given back each entry has its frame, and nothing is kept beyond that.
    const waiting = [...machine.secondStage(record).words.keys()].filter(gfn => pod.isOnDemand(gfn) && gfn !== 0x5f0);
    expect(list(DECREASE_RESERVATION, ...waiting.slice(0, pod.entries - pod.count))).toBe(entries - count - 3);
    expect([pod.entries, owned(machine, record.id)]).toEqual([pod.count, total]);
    const kept = pod.count;
    expect(list(DECREASE_RESERVATION, 0x5f0)).toBe(1);
    expect([pod.count, pod.entries, owned(machine, record.id)]).toEqual([kept - 1, kept - 1, total - 1]);
    // What was given back can be had again, as ordinary memory.
    expect(list(POPULATE_PHYSMAP, 0x5f0)).toBe(1);
    expect([machine.secondStage(record).rights(0x5f0), owned(machine, record.id)]).toEqual([7, total]);
  });

  it('follows the target that the toolstack sets, but takes nothing that is in use', () => {
    const { dom0, record, pod, machine } = make();
    const { totPages, podEntries } = dom0.getPodTarget(record.id);
    expect(dom0.setPodTarget(record.id, totPages + 100)).toBe(0);
    expect(dom0.getPodTarget(record.id).totPages).toBe(totPages + 100);
    // Never more than entries wait for.
    expect(dom0.setPodTarget(record.id, 8 * MIB_FRAMES + 1000)).toBe(0);
    expect([pod.count, pod.entries]).toEqual([podEntries, podEntries]);
    // Less is the balloon driver's to do.
    expect(dom0.setPodTarget(record.id, 100)).toBe(0);
    expect(pod.count).toBe(podEntries);
    expect(owned(machine, record.id)).toBe(dom0.getPodTarget(record.id).totPages);
  });

  it('leaves nothing behind', () => {
    for (const type of [XEN_TYPE.PVH, XEN_TYPE.HVM]) {
      const { machine, record, free, touch, list } = make(CLI_HLT, type);
      for (let gfn = 0x300; gfn < 0x500; gfn++) touch(gfn);
      list(DECREASE_RESERVATION, 0x700, 0x301, 0x302);
      expect(destroyDomain(machine, record)).toBe(true);
      expect(machine.freeFrames).toBe(free);
    }
  });

  it('takes nothing where the host has too little', () => {
    const machine = Machine.create(new SharedArrayBuffer(32 * 2 ** 20));
    const free = machine.freeFrames;
    expect(() => createDomain(machine, 64, 0x100000, { guest: XEN_PVH, populateMiB: 40 })).toThrow(
      /the guest wants 40/,
    );
    expect(machine.freeFrames).toBe(free);
  });
});

it('a cache that a worker left in the middle of a change is made anew', () => {
  const { machine, record, domain, pod } = make();
  domain.map.demand(0x500);
  const { count, entries } = pod;
  const xen = record.guestOffset >>> 2;
  // A worker of a domain that has died, with the lock in its hand and the list half changed.
  const other = createDomain(machine, 2, 512, { guest: XEN_PVH });
  machine.words[xen + XEN.POD_LOCK] = other.index + 1;
  machine.words[xen + XEN.POD_FIRST] = 0;
  machine.words[xen + XEN.POD_COUNT] = 7;
  workerDied(machine, other);
  expect(domain.map.demand(0x501)).toBe(true);
  expect([pod.count, pod.entries]).toEqual([count - 1, entries - 1]);
  expect(destroyDomain(machine, record)).toBe(true);
});

it('who enters the guest while another takes memory from it waits, and forgets then what its processor knew', () => {
  const { machine, record, domain } = make();
  const xen = record.guestOffset >>> 2,
    { words } = machine;
  const other = new Machine(machine.memory, createDomain(machine, 2, 512, { guest: XEN_PVH }).index);
  takeLock(other, xen + XEN.POD_LOCK);
  const sleep = vi.spyOn(Atomics, 'wait').mockImplementation(() => {
    // As the sweep ends.
    forgetBeforeGuest(other, record);
    dropLock(other, xen + XEN.POD_LOCK);
    return 'ok';
  });
  domain.runSlice();
  expect(sleep).toHaveBeenCalledTimes(1);
  const mailbox = record.mailboxOffset >>> 2;
  expect(words[mailbox + MAILBOX.FLUSH_DONE]).toBe(words[mailbox + MAILBOX.FLUSH_WANTED]);
  sleep.mockRestore();
});
