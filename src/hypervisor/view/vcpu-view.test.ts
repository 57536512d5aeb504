/** Virtual processors as readers have them, against the processor that ran and what the guest is told. */
import { describe, expect, it } from 'vitest';
import * as R from '../../cpu/architecture/registers.ts';
import { asm } from '../../cpu/test-support/asm.ts';
import type { Domain } from '../domain/domain.ts';
import { postMortem } from '../domain/report.ts';
import { HYPERCALL, RUNSTATE, VCPUOP } from '../interfaces/xen/abi.ts';
import { ARGS, LOAD, testGuest } from '../interfaces/xen/pvh-program.test-support.ts';
import type { DomainView } from './domain-view.ts';
import { MachineView } from './machine-view.ts';
import { xenViewOf, hypercallsOf } from '../interfaces/xen/view/index.ts';

const viewOf = ({ options: { machine, record } }: Domain): DomainView =>
  new MachineView(machine.memory).domain(record.id)!;
const run = (domain: Domain): void => {
  for (let i = 0; i < 50 && domain.runSlice().state === 'running'; i++);
};

/** Maps linear 0x400000-0x7fffff to physical 0-0x3fffff by a large page, all below to itself, turns paging on and halts. */
const PAGED = asm(
  'mov dword [0x4000], 0x83', // 4 MiB from 0
  'mov dword [0x4004], 0x83',
  'mov eax, 0x10; mov cr4, eax',
  'mov eax, 0x4000; mov cr3, eax',
  'mov eax, cr0; or eax, 0x80000000; mov cr0, eax',
  'mov esp, 0x520000',
  'push 0x12345678',
  'xor eax, eax; cli; hlt',
);

describe('a vCPU', () => {
  it('has the registers, flags and instruction count that its processor has', () => {
    const { domain } = testGuest({ code: asm('mov eax, 0x7fffffff; inc eax; mov ebx, 0x12345678; cli; hlt') });
    run(domain);
    const { processor } = domain;
    const state = viewOf(domain).vcpus()[0].look();
    expect([...state.regs]).toEqual([...processor.regs]);
    expect([state.eflags, state.retired, state.torn]).toEqual([processor.eflags, processor.retired, false]);
    // INC of 7FFFFFFF: overflow, sign, adjust.
    expect(state.eflags & 0x8d5).toBe(0x894);
    expect(state.linear(R.CS, state.regs[R.EIP])).toBe(LOAD + 13);
    // A copy: what runs on changes it no more.
    processor.regs[R.EAX] = 1;
    expect(state.regs[R.EAX]).toBe(-0x80000000);
  });

  it('leads from linear through physical to machine memory, as its processor does', () => {
    const { domain, machine } = testGuest({ code: PAGED });
    run(domain);
    const state = viewOf(domain).vcpus()[0].look();
    const stage = machine.secondStage(domain.options.record);
    for (const linear of [0x400000 + LOAD, 0x51fffc, 0x800000]) {
      const { physical, machine: at, entries } = state.translate(linear);
      expect(physical).toBe(domain.processor.translate(linear));
      expect(at).toBe(physical < 0 ? -1 : (stage.entry(physical >>> 12) & ~4095) + (physical & 4095));
      expect(entries.map(({ level }) => level)).toEqual(['PDE']);
    }
    // One directory, and large pages below it.
    expect([...state.tables()]).toEqual([stage.mfn(4)]);
    expect([...state.bytesAt(0x51fffc, 4)]).toEqual([0x78, 0x56, 0x34, 0x12]);
    expect([...state.bytesAt(0x400000 + LOAD, PAGED.length)]).toEqual(PAGED);
    // Only as far as it is mapped.
    expect(state.bytesAt(0x7ffffe, 8)).toHaveLength(2);
    expect(state.bytesAt(0x800000, 8)).toHaveLength(0);
  });

  it('of several has its own registers, whosever turn it is', () => {
    const { domain } = testGuest({ vcpus: 2, code: asm('mov ebx, 0x1111; cli; hlt') });
    domain.vcpus.all[1].saved[R.EBX] = 0x2222;
    run(domain);
    const seen = viewOf(domain);
    expect(seen.vcpus().map(vcpu => [vcpu.isCurrent, vcpu.look().regs[R.EBX]])).toEqual([
      [true, 0x1111],
      [false, 0x2222],
    ]);
  });

  it('has its last exits, as many as there is room for', () => {
    const { domain } = testGuest({ code: asm('times 40 out 0x80, al; cli; hlt') });
    run(domain);
    const { exits, total } = viewOf(domain).vcpus()[0].lastExits();
    expect(total).toBe(viewOf(domain).counters().byReason[30] + viewOf(domain).counters().byReason[12]);
    // The oldest may be overwritten while it is read.
    expect(exits).toHaveLength(31);
    expect(exits.at(-1)).toMatchObject({ number: total - 1, reason: 12, ip: LOAD + 81 });
    expect(exits.at(-2)).toMatchObject({ number: total - 2, reason: 30, ip: LOAD + 78 });
    expect(viewOf(domain).vcpus()[0].exits()[30]).toBe(40);
  });

  it('has the runstate that the guest is told', () => {
    const { domain, call, get, put } = testGuest({ vcpus: 2 });
    domain.vcpus.block();
    put(ARGS, 0);
    expect(call(HYPERCALL.VCPU_OP, VCPUOP.GET_RUNSTATE_INFO, 0, ARGS)).toBe(0);
    const [first, second] = [0, 1].map(id => xenViewOf(viewOf(domain))!.runstate(id));
    expect([first.state, first.sinceNs, first.torn]).toEqual([get(ARGS), get(ARGS + 4), false]);
    expect(first.state).toBe(RUNSTATE.BLOCKED);
    // The state under way is not counted up to now here.
    expect(first.ns[0]).toBe(get(ARGS + 12));
    expect(second.state).toBe(RUNSTATE.OFFLINE);
  });
});

describe('a report of a dead worker', () => {
  it('says where code and stack lie, linear, physical and in the machine, and changes nothing', () => {
    const { domain, machine } = testGuest({ code: PAGED });
    run(domain);
    const { record } = domain.options;
    domain.processor.regs[R.EIP] += 0x400000;
    const before = machine.bytes.slice();
    const report = postMortem(machine.memory, record.id, 'Its worker died.', hypercallsOf);
    expect(Buffer.compare(before, machine.bytes)).toBe(0);
    const hex = (value: number): string => (value >>> 0).toString(16).padStart(8, '0');
    const place = (linear: number): string => {
      const physical = domain.processor.translate(linear);
      return `${hex(linear)} (physical ${hex(physical)}, machine ${hex((machine.secondStage(record).entry(physical >>> 12) & ~4095) + (physical & 4095))}):`;
    };
    expect(report).toContain(`code at ${place(0x400000 + LOAD + PAGED.length)}`);
    expect(report).toContain(`stack at ${place(0x51fffc)}\n  12345678`);
    expect(report).toMatch(/hypercalls 0, of vCPU 0 of 1$/);
    domain.processor.regs[R.EIP] = 0xc0000000 | 0;
    expect(postMortem(machine.memory, record.id, 'Again.')).toContain(
      'code at c0000000: no memory is mapped there (PDE 00000000)',
    );
  });
});
