/** Frames of a paravirtual guest that the hypervisor or Domain 0 writes cannot be page tables: what is written there would be entries that nobody checked. */
import { readFileSync } from 'node:fs';
import { beforeEach, describe, expect, it } from 'vitest';
import { assembleDomain } from '../../assemble.ts';
import type { Domain } from '../../../domain/domain.ts';
import { FRAME_TYPE } from '../../../layout/layout.ts';
import { XEN_VCPU } from '../layout.ts';
import { createDomain } from '../../../memory/domain-table.ts';
import { FRAME_SHIFT, HostError, Machine } from '../../../memory/machine.ts';
import { DOMID_SELF, EINVAL, EVTCHNOP, HYPERCALL, VCPUOP } from '../abi.ts';
import { Dom0 } from '../dom0-access.ts';
import { GrantTable } from '../grants/grants.ts';
import { hypercall } from '../hypercalls.ts';
import { xenOf } from '../of-domain.ts';
import { XEN_PV } from '../records.ts';

const BASE = 0xc0000000;
/** Pages of the guest's first mapping that nothing uses: for arguments, and to try. */
const ARGS_PFN = 0x300,
  PFN = 0x310;

let machine: Machine, dom0: Dom0, domain: Domain;
const frameOf = (pfn: number): number => {
  for (let mfn = 0; mfn < machine.frames; mfn++)
    if (machine.words[machine.m2p + mfn] === pfn && machine.ownerOf(mfn) === domain.options.record.id) return mfn;
  return -1;
};
const call = (number: number, ...args: number[]): number =>
  hypercall(xenOf(domain)!, number, [...args, 0, 0, 0, 0].slice(0, 5));
const put = (...words: number[]): number => {
  machine.words.set(words, frameOf(ARGS_PFN) << 10);
  return BASE + (ARGS_PFN << FRAME_SHIFT);
};
/** Takes a page out of the guest's mapping, so that its frame could be a table, and fills it with nothing. */
const unmap = (pfn: number): void =>
  expect(call(HYPERCALL.UPDATE_VA_MAPPING, BASE + (pfn << FRAME_SHIFT), 0, 0, 0)).toBe(0);
const pin = (mfn: number): number => xenOf(domain)!.pv!.types.pin(mfn, FRAME_TYPE.L1);

beforeEach(() => {
  machine = Machine.create(new SharedArrayBuffer(32 * 2 ** 20));
  dom0 = new Dom0(machine);
  const record = createDomain(machine, 4, machine.frames, { vcpus: 2, guest: XEN_PV });
  const kernel = new Uint8Array(
    readFileSync(new URL('../../../../../guests/neighbour/neighbour-pv.elf', import.meta.url)),
  );
  domain = assembleDomain({
    machine,
    record,
    memoryMiB: 4,
    boot: { kind: 'pv', kernel, name: 'guest', cmdline: '' },
    startEpochMs: 0,
    onReset: 'end',
    onTripleFault: 'end',
    serial: () => {},
  });
  unmap(PFN);
});

describe('a page table is not made of', () => {
  it('nothing special: then it is', () => {
    expect(pin(frameOf(PFN))).toBe(0);
  });

  it('a frame of grant entries, or of their status words', () => {
    const table = new GrantTable(xenOf(domain)!.ports);
    table.grow(1);
    expect(pin(table.sharedFrame(0))).toBe(-EINVAL);
    expect(table.setVersion(2)).toBe(0);
    expect(pin(table.statusFrame(0))).toBe(-EINVAL);
  });

  it('the frame of a vcpu_info', () => {
    const mfn = frameOf(PFN);
    expect(call(HYPERCALL.VCPU_OP, VCPUOP.REGISTER_VCPU_INFO, 1, put(mfn, 0, 0, 0))).toBe(0);
    machine.scrub(mfn);
    expect(pin(mfn)).toBe(-EINVAL);
  });

  it('frames of FIFO events: control block and event words', () => {
    unmap(PFN + 1);
    const [control, events] = [frameOf(PFN), frameOf(PFN + 1)];
    expect(call(HYPERCALL.EVENT_CHANNEL_OP, EVTCHNOP.INIT_CONTROL, put(control, 0, 0, 0, 0, 0))).toBe(0);
    expect(call(HYPERCALL.EVENT_CHANNEL_OP, EVTCHNOP.EXPAND_ARRAY, put(events, 0))).toBe(0);
    for (const mfn of [control, events]) expect(pin(mfn)).toBe(-EINVAL);
    expect(call(HYPERCALL.EVENT_CHANNEL_OP, EVTCHNOP.RESET, put(DOMID_SELF))).toBe(0);
    for (const mfn of [control, events]) expect(pin(mfn)).toBe(0);
  });

  it('what Domain 0 has mapped; and Domain 0 does not map a page table', () => {
    const mfn = frameOf(PFN);
    const mapping = dom0.mapForeign(domain.options.record.id, mfn);
    expect(pin(mfn)).toBe(-EINVAL);
    mapping.unmap();
    expect(pin(mfn)).toBe(0);
    expect(() => dom0.mapForeign(domain.options.record.id, mfn)).toThrow(HostError);
  });
});

it('a page table that was a runstate area is not written any more', () => {
  const mfn = frameOf(PFN);
  const at = BASE + (PFN << FRAME_SHIFT);
  expect(call(HYPERCALL.UPDATE_VA_MAPPING, at, (mfn << FRAME_SHIFT) | 3, 0, 0)).toBe(0);
  expect(call(HYPERCALL.VCPU_OP, VCPUOP.REGISTER_RUNSTATE_MEMORY_AREA, 0, put(at, 0))).toBe(0);
  unmap(PFN);
  machine.scrub(mfn);
  expect(pin(mfn)).toBe(0);
  machine.words[xenOf(domain)!.ports.vcpu(0) + XEN_VCPU.TIMES] = 5;
  xenOf(domain)!.time.publishRunstate(0);
  expect(machine.words.subarray(mfn << 10, (mfn + 1) << 10).some(word => word !== 0)).toBe(false);
});
