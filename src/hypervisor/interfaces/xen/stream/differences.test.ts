/** A run that was saved and restored on its way ends in the state of one that was not, but for what a restored guest has again. */
import { describe, expect, it } from 'vitest';
import { asm } from '../../../../cpu/test-support/asm.ts';
import { createDomain } from '../../../memory/domain-table.ts';
import { Machine } from '../../../memory/machine.ts';
import { DOMID_SELF, EVTCHNSTAT, HYPERCALL, XENMAPSPACE } from '../abi.ts';
import { assembleDomain } from '../../assemble.ts';
import { Dom0 } from '../dom0-access.ts';
import { ARGS, memoryOf, testGuest, type TestGuest } from '../pvh-program.test-support.ts';
import { PORT_WORDS } from '../layout.ts';
import { XEN_PVH } from '../records.ts';
import type { SavedXen } from '../saved.ts';
import { differences } from './differences.ts';
import { readState, saveDomain, type SavedState } from './state.ts';

const ADD_TO_PHYSMAP = 7,
  REGISTER_RUNSTATE = 5,
  REGISTER_VCPU_INFO = 10,
  REGISTER_TIME = 13;
/** Counts for ever. */
const COUNTS = asm('again: inc dword [0x300000]; jmp again');
const SHARED_GFN = 0x200,
  INFO_GFN = 0x210,
  RUNSTATE = 0x211010,
  TIME = 0x211080;
const END = 700_000,
  MOMENT = 123_456;

/** Xen writes time and runstate into its memory, as into a Linux's. */
function counting(): TestGuest {
  const guest = testGuest({ code: COUNTS });
  const vcpuOp = (op: number, ...words: number[]): number =>
    guest.call(HYPERCALL.VCPU_OP, op, 0, guest.put(ARGS, ...words));
  guest.call(HYPERCALL.MEMORY_OP, ADD_TO_PHYSMAP, guest.put(ARGS, DOMID_SELF, XENMAPSPACE.SHARED_INFO, 0, SHARED_GFN));
  expect(vcpuOp(REGISTER_RUNSTATE, RUNSTATE, 0)).toBe(0);
  expect(vcpuOp(REGISTER_TIME, TIME, 0)).toBe(0);
  expect(vcpuOp(REGISTER_VCPU_INFO, INFO_GFN, 0, 0x40)).toBe(0);
  return guest;
}

const fileOf = ({ domain }: Pick<TestGuest, 'domain'>): Buffer =>
  Buffer.concat(saveDomain(domain, { name: 'x', program: 'test', definition: '' }));
const stateOf = (guest: Pick<TestGuest, 'domain'>): SavedState => readState(fileOf(guest), 'x');

function runTo<Guest extends Pick<TestGuest, 'domain'>>(guest: Guest, instructions: number): Guest {
  const { domain } = guest;
  domain.stopAtInstruction = instructions;
  while (domain.instructions < instructions) domain.runSlice();
  return guest;
}

function restored({ domain: { options } }: TestGuest, saved: SavedState) {
  const machine = Machine.create(new SharedArrayBuffer(48 * 2 ** 20));
  // Where things lie in machine memory is compared, too.
  new Dom0(machine);
  const record = createDomain(machine, 4, 0x100000, { guest: XEN_PVH });
  return memoryOf(assembleDomain({ ...options, machine, record, boot: saved.boot }, saved));
}

describe('a guest that was saved and restored on its way', () => {
  const straight = runTo(counting(), END),
    first = runTo(counting(), MOMENT),
    second = runTo(restored(first, stateOf(first)), END);

  it('ends in the state of one that was not, though the files differ', () => {
    expect(differences(stateOf(straight), stateOf(straight))).toEqual([]);
    expect(Buffer.compare(fileOf(straight), fileOf(second))).not.toBe(0);
    expect(differences(stateOf(straight), stateOf(second))).toEqual([]);
  });

  it('leads to other ports of Domain 0, which binds its own anew', () => {
    const bound = (state: number, remotePort: number): SavedState => {
      const saved = stateOf(second);
      (saved.domain.xen as unknown as SavedXen).ports.set([state, 0, remotePort, 0], PORT_WORDS);
      return saved;
    };
    const { INTERDOMAIN, UNBOUND } = EVTCHNSTAT;
    expect(differences(bound(INTERDOMAIN, 1), bound(INTERDOMAIN, 3))).toEqual([]);
    expect(differences(bound(INTERDOMAIN, 1), bound(UNBOUND, 1))).toEqual([
      `domain.xen.ports[0x4]: 0x${INTERDOMAIN}, 0x${UNBOUND}`,
    ]);
  });

  it('shows each byte and each time that is another one', () => {
    const changed = (address: number, value: number): string[] => {
      const was = second.get(address);
      second.put(address, value);
      const lines = differences(stateOf(straight), stateOf(second));
      second.put(address, was);
      return lines;
    };
    expect(changed(0x300ffc, 5)).toEqual(['pages.300[0xffc]: 0x0, 0x5']);
    expect(changed(RUNSTATE - 4, 7)).toEqual(['pages.211[0xc]: 0x0, 0x7']);
    // Scale of a time record, and the system time alone.
    expect(changed(TIME + 24, 0)).toEqual(['pages.211[0x9b]: 0x80, 0x0']);
    expect(changed(TIME + 16, second.get(TIME + 16) + 1)).toEqual(['pages.211[0x90]: 0x0, 0x1']);
    runTo(second, END + 1);
    const later = differences(stateOf(straight), stateOf(second));
    expect(later.map(line => line.replace(/[:[].*/, ''))).toEqual(
      expect.arrayContaining(['about.instructions', 'domain.nowNs', 'domain.xen.block']),
    );
  });
});
