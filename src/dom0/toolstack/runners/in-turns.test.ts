/** Domains on one thread, in virtual time. */
import { expect, it } from 'vitest';
import { asm } from '../../../cpu/test-support/asm.ts';
import { Dom0, EVTCHNOP, HYPERCALL, XEN_RECORDS } from '../../../hypervisor/interfaces/xen/index.ts';
import { pvhKernel } from '../../../hypervisor/interfaces/xen/pvh-program.test-support.ts';
import { readState } from '../../../hypervisor/index.ts';
import { createDomain, Machine } from '../../../hypervisor/memory/index.ts';
import { Scheduler } from '../../../hypervisor/scheduler/index.ts';
import type { DomainRunner, DomainStart } from './runner.ts';
import { Turns } from './in-turns.ts';

const ARGUMENT = 0x20000,
  PORT = 1;
/** Instructions from one event to the next. */
const PERIOD = 1006;
const NS_PER_INSTRUCTION = 4;
const SENDS = asm(`
  mov dword [${ARGUMENT}], ${PORT}
  again: mov edi, 500
  work: dec edi; jne work
  mov eax, ${HYPERCALL.EVENT_CHANNEL_OP}; mov ebx, ${EVTCHNOP.SEND}; mov ecx, ${ARGUMENT}; vmcall
  jmp again
`);
const COMPUTES = asm('again: jmp again');

/** A host of Xen's guests without media; `rounds`: what its event loop has to do. */
function host() {
  const machine = Machine.create(new SharedArrayBuffer(48 * 2 ** 20));
  const dom0 = new Dom0(machine);
  const queue = new Scheduler(machine, () => 0);
  queue.configure({ pcpus: 3 });
  const rounds: (() => void)[] = [];
  const turns = new Turns(
    { soon: round => rounds.push(round), later: () => () => {} },
    {
      machine,
      queue,
      serve: () => dom0.poll(),
      domain0Wants: () => dom0.pending,
      domain0WakeNs: () => Infinity,
      idled: () => {},
    },
  );
  const start = (code: number[], onEvent?: () => void, saved?: DomainStart['saved']): DomainRunner => {
    const record = createDomain(machine, 4, 0x100000, { guest: XEN_RECORDS.pvh });
    queue.add(record, { doorbell: record.mailboxOffset >>> 2 });
    if (onEvent) dom0.bindInterdomain(record.id, dom0.allocUnboundFor(record.id), onEvent);
    dom0.poll();
    return turns.start(
      {
        record,
        name: 'x',
        memoryMiB: 4,
        boot: { kind: 'kernel', kernel: pvhKernel(code), name: 'program', cmdline: '' },
        startEpochMs: 0,
        onReset: 'end',
        onTripleFault: 'end',
        program: 'test',
        definition: '',
        ...(saved ? { saved } : {}),
      },
      { serial: () => {}, ended: () => {}, problem: () => {}, restarted: () => {} },
    );
  };
  return { turns, rounds, start };
}

it('serve Domain 0 inside the turn of a guest that sends to it, wherever its slices end, and the turn is none the longer', () => {
  const { rounds, start } = host();
  const heard: { at: number; other: number }[] = [];
  const guests: DomainRunner[] = [];
  const instructions = (n: number): number => (guests[n]?.nowNs ?? 0) / NS_PER_INSTRUCTION;
  guests.push(start(SENDS, () => heard.push({ at: instructions(0), other: instructions(1) })));
  guests.push(start(COMPUTES));
  // A port that is bound counts as rung.
  heard.length = 0;
  while (rounds.length > 0 && heard.length < 600) rounds.shift()?.();
  expect(heard.slice(1).map(({ at }, i) => at - heard[i].at)).toEqual(Array(heard.length - 1).fill(PERIOD));
  const TURN = 250_000;
  for (const { at, other } of heard) expect(other).toBe(Math.floor(at / TURN) * TURN);
});

it('take a guest away once, however often it is destroyed, and its tables go to one other', async () => {
  const { turns, rounds, start } = host();
  const tables = (): unknown[] =>
    turns.domains.map(({ processor }) => (processor as unknown as { tlb: { TR: Int32Array } }).tlb.TR);
  const round = (): void => rounds.splice(0).forEach(each => void each());
  const first = start(COMPUTES);
  round();
  const { processor } = turns.domains[0]!,
    [given] = tables();
  await first.destroy();
  await first.destroy();
  expect(() => processor.run(1)).toThrow('given up');
  const guests = [start(COMPUTES), start(COMPUTES)];
  round();
  expect(guests.every(({ nowNs }) => nowNs > 0)).toBe(true);
  expect(tables().filter(each => each === given)).toHaveLength(1);
});

it('count what guests execute here: one that comes has executed the rest elsewhere', async () => {
  const here = host(),
    there = host();
  const round = ({ rounds }: typeof here): void => rounds.splice(0).forEach(each => void each());
  const guest = here.start(COMPUTES);
  round(here);
  const before = here.turns.instructions;
  expect(before).toBeGreaterThan(0);
  const { pieces } = await guest.ask('save');
  const file = new Uint8Array(await new Blob(pieces as BlobPart[]).arrayBuffer());
  const other = there.start(COMPUTES, undefined, { state: readState(file, 'x') });
  const atNs = other.nowNs;
  expect(atNs).toBe(before * NS_PER_INSTRUCTION);
  expect(there.turns.instructions).toBe(0);
  round(there);
  const executed = there.turns.instructions;
  expect(executed).toBe((other.nowNs - atNs) / NS_PER_INSTRUCTION);
  await other.destroy();
  expect(there.turns.instructions).toBe(executed);
});
