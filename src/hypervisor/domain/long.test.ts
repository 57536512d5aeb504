/** A domain whose guest runs 64-bit code: what its saved state keeps, and what those who look at it find. */
import { expect, it } from 'vitest';
import { loadLevel } from '../../cpu/index.ts';
import { registers as R } from '../../cpu/architecture/index.ts';
import { readState, saveDomain } from '../interfaces/xen/stream/state.ts';
import type { Domain } from './domain.ts';
import type { Ending } from './ending.ts';
import { HIGH_JUMP, LONG, longProgram, programDomain, runToEnd, UPPER_HALF } from './program.test-support.ts';
import { addressText } from '../view/address.ts';
import { MachineView } from '../view/machine-view.ts';
import { TRACE_KIND } from '../tracing/trace.ts';
import { ExitReason, ipOf } from '../../cpu/architecture/index.ts';

/** Counts down, and tells the top byte of R12. */
const kernel = longProgram([
  'mov rax, 0x1122334455667788; mov r12, rax; mov ecx, 10000; again: dec ecx; jnz again',
  'mov rbx, r12; shr rbx, 56; mov al, bl; out 0xf4, al; hlt',
]);
const stateOf = (domain: Domain): Uint8Array =>
  Buffer.concat(saveDomain(domain, { name: 'program', program: 'test', definition: '' }));

it('goes on from a state that was saved in 64-bit code, on a processor of the level that the state names', async () => {
  await loadLevel('x86-64-v2');
  const domain = programDomain(kernel, { cpuLevel: 'x86-64-v2' });
  domain.stopAtInstruction = 5000;
  domain.runSlice();
  const state = stateOf(domain);
  expect(runToEnd(programDomain(kernel, {}, readState(state, 'program')))).toMatchObject({
    state: 'ended',
    ending: { value: 0x11 },
  });
  const refused = (level: number, sentence: string) => {
    domain.processor.regs[R.CPU_LEVEL] = level;
    const other = stateOf(domain);
    expect(() => readState(other, 'program')).toThrow(sentence);
  };
  refused(77, 'its processor is of a level that this version does not have');
  // Of another width than the code that runs.
  refused(0, 'its processor 0 is in long mode, and one of level max has none');
});

it('tells whole addresses of its exits, in the ring of the last ones and in the trace, also from a saved state', async () => {
  await loadLevel('x86-64-v2');
  // At ffffffff800a0000 is no memory.
  const domain = programDomain(longProgram(['mov al, 7; out 0xee, al; mov al, [-0x7ff60000]; hlt'], true), {
    cpuLevel: 'x86-64-v2',
  });
  const code = UPPER_HALF + LONG + HIGH_JUMP;
  const seen = [
    [ExitReason.IO, code + 2, 7],
    [ExitReason.EPT_VIOLATION, code + 4, 0xa0000],
    [ExitReason.HLT, code + 11, 0],
  ];
  const viewOf = ({ options: { machine, record } }: Domain) => new MachineView(machine.memory).domain(record.id)!;
  const lasts = (of: Domain) => viewOf(of).vcpus()[0].lastExits().exits.slice(-3);
  const reader = viewOf(domain).watch();
  for (let slices = 0; slices < 3; slices++) domain.runSlice();
  expect(lasts(domain).map(({ reason, ip, detail }) => [reason, ip, detail])).toEqual(seen);
  const traced = reader.take().entries.filter(({ kind }) => kind === TRACE_KIND.EXIT);
  expect(traced.slice(-3).map(({ details: [reason, ip], exit }) => [reason, ip, exit!.detail])).toEqual(seen);
  expect(lasts(programDomain(kernel, {}, readState(stateOf(domain), 'program')))).toEqual(lasts(domain));
});

it('stops before an instruction and after a write in the upper half, and steps there', async () => {
  await loadLevel('x86-64-v2');
  const domain = programDomain(
    longProgram(
      [`xor ebx, ebx; mov rsp, ${UPPER_HALF + 0x300000}`, 'again: inc rbx; mov [rsp - 8], rbx; jmp again'],
      true,
    ),
    {
      cpuLevel: 'x86-64-v2',
    },
  );
  const again = UPPER_HALF + LONG + HIGH_JUMP + 9,
    stop = (linear: number, kind: 'execute' | 'write') => {
      domain.stops.setBreaks([{ kind, linear, bytes: 1 }]);
      for (let slices = 0; slices < 9 && !domain.stops.stepped; slices++) domain.runSlice();
      const { instruction, access, retired } = domain.stops.takeHit()!;
      return { instruction, access, retired, rip: ipOf(domain.processor.regs) };
    };
  const first = stop(again, 'execute');
  expect(first).toMatchObject({ instruction: again, rip: again });
  // It goes on from where it stands, and comes round.
  expect(stop(again, 'execute')).toMatchObject({ instruction: again, retired: first.retired + 3 });
  expect(stop(UPPER_HALF + 0x300000 - 8, 'write')).toMatchObject({
    instruction: again + 3,
    access: { linear: UPPER_HALF + 0x300000 - 8, isWrite: true, value: 2 },
    rip: again + 8,
  });
  domain.stops.setBreaks([]);
  domain.stops.step(1);
  domain.runSlice();
  expect(ipOf(domain.processor.regs)).toBe(again);
});

it('ends by a triple fault whose events have addresses of 64 bits', async () => {
  await loadLevel('x86-64-v2');
  const domain = programDomain(
    longProgram(
      [
        `mov rsp, ${UPPER_HALF + 0x300000}; mov rax, 0xffff900000000000; push rax; mov word [rsp - 2], 0xfff; lidt [rsp - 2]; ud2`,
      ],
      true,
    ),
    { cpuLevel: 'x86-64-v2' },
  );
  runToEnd(domain);
  const { machine, record } = domain.options,
    { undelivered } = new MachineView(machine.memory).domain(record.id)!.vcpus()[0].look();
  expect(undelivered.map(({ vector, address }) => [vector, addressText(address, true)])).toEqual([
    [6, '0000000000000000'],
    [14, 'ffff900000000060'],
    [14, 'ffff9000000000e0'],
    [8, '0000000000000000'],
    [14, 'ffff900000000080'],
  ]);
});

it('is reported with registers, code, stack and exits of 64 bits, and the tables that map them', async () => {
  await loadLevel('x86-64-v2');
  const domain = programDomain(
    longProgram(
      [`mov rsp, ${UPPER_HALF + 0x300000}; mov r15, rsp; push r15`, 'mov rax, 0xdead4ead00000001; push rax; ud2'],
      true,
    ),
    { cpuLevel: 'x86-64-v2' },
  );
  const result = runToEnd(domain);
  const { sentence, report = '' } = (result as { ending: Ending }).ending,
    code = addressText(UPPER_HALF + LONG + HIGH_JUMP + 23);
  expect(sentence).toContain(`RIP was 0x${code}.`);
  expect(report).toContain('rax dead4ead00000001');
  expect(report).toContain('r8  0000000000000000  r9  0000000000000000');
  expect(report).toContain('r15 ffffffff80300000');
  expect(report).toMatch(
    new RegExp(`code at ${code} .physical 00100220, machine [0-9a-f]{8}.:\n  ${code}  0f 0b +ud2`),
  );
  expect(report).toMatch(/stack at ffffffff802ffff0 .*:\n {2}dead4ead00000001 ffffffff80300000 /);
  expect(report).toMatch(new RegExp(`TRIPLE_FAULT +qualification 00000000 {2}rip ${code} {2}`));
  const { machine, record } = domain.options,
    state = new MachineView(machine.memory).domain(record.id)!.vcpus()[0].look();
  expect(state.tables()).toEqual(new Set([0, 1, 2].map(i => state.frameAt(0x200000 + 4096 * i))));
});
