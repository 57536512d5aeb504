import { describe, expect, it } from 'vitest';
import { asm } from '../../../cpu/test-support/asm.ts';
import { assembleDomain } from '../assemble.ts';
import type { Domain } from '../../domain/domain.ts';
import type { SliceResult } from '../../domain/slice.ts';
import { XEN } from './layout.ts';
import { createDomain } from '../../memory/domain-table.ts';
import { Machine } from '../../memory/machine.ts';
import { readState, saveDomain } from './stream/state.ts';
import { HVM_PARAM, HYPERCALL, SCHEDOP, SHUTDOWN } from './abi.ts';
import { ARGS, testGuest, type TestGuest } from './pvh-program.test-support.ts';
import { xenOf } from './of-domain.ts';
import { XEN_PVH } from './records.ts';

const RESULT = ARGS + 0x100;
const shutdown = (reason: number) => [
  `
    mov dword [${ARGS}], ${reason}; mov eax, ${HYPERCALL.SCHED_OP}; mov ebx, ${SCHEDOP.SHUTDOWN}
    mov ecx, ${ARGS}; vmcall
  `,
];
/** Suspends itself, keeps what the call returned, powers off. */
const PROGRAM = asm(
  `mov dword [${RESULT}], ${-1}`,
  ...shutdown(SHUTDOWN.SUSPEND),
  `mov [${RESULT}], eax`,
  ...shutdown(SHUTDOWN.POWEROFF),
  'hlt',
);

function run(domain: Domain): SliceResult {
  let result = domain.runSlice();
  for (let i = 0; i < 50 && result.state === 'running'; i++) result = domain.runSlice();
  return result;
}

const word = (domain: Domain, address: number): number => {
  const bytes = new Uint8Array(4);
  domain.memory.read(address, bytes);
  return new DataView(bytes.buffer).getInt32(0, true);
};

function restored(guest: TestGuest): { domain: Domain; machine: Machine } {
  const file = saveDomain(guest.domain, { name: 'saved', program: 'test', definition: '' });
  const bytes = new Uint8Array(file.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of file) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  const saved = readState(bytes, 'saved');
  expect(saved.about.kind).toBe('pvh');
  const machine = Machine.create(new SharedArrayBuffer(48 * 2 ** 20));
  const record = createDomain(machine, 4, 0x100000, { guest: XEN_PVH });
  const { options } = guest.domain;
  return { machine, domain: assembleDomain({ ...options, machine, record, boot: saved.boot }, saved) };
}

describe('a guest that suspends itself', () => {
  it('is told 1 when the suspend was cancelled, and goes on where it was', () => {
    const guest = testGuest({ code: PROGRAM });
    expect(run(guest.domain)).toMatchObject({ state: 'ended', ending: { kind: 'suspend' } });
    expect(guest.dom0.shutdownCode(1)).toBe(SHUTDOWN.SUSPEND);
    guest.domain.power.resume();
    expect(guest.dom0.shutdownCode(1)).toBe(-1);
    expect(run(guest.domain)).toMatchObject({ state: 'ended', ending: { kind: 'poweroff' } });
    expect(word(guest.domain, RESULT)).toBe(1);
  });

  it('is told 0 in a new domain, which has its time, its parameters and its special pages', () => {
    const guest = testGuest({ code: PROGRAM });
    run(guest.domain);
    const now = guest.domain.clock.nowNs();
    const { domain } = restored(guest);
    expect(domain.clock.nowNs()).toBe(now);
    expect(xenOf(domain)!.frames.machineFrame(0xfeffc)).toBeGreaterThan(0);
    expect(xenOf(domain)!.words[xenOf(domain)!.xenBlock + XEN.PARAMS + HVM_PARAM.STORE_PFN * 2]).toBe(0xfeffc);
    expect(run(domain)).toMatchObject({ state: 'ended', ending: { kind: 'poweroff' } });
    expect(word(domain, RESULT)).toBe(0);
  });
});
