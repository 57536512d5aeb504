/** What an event to another vCPU of the domain costs until its answer is there (EVTCHNOP_bind_ipi); ../ipi.test.ts asks the same of the local APIC. */
import { expect, it } from 'vitest';
import { asm, d } from '../../../cpu/test-support/bench.ts';
import { runToEnd } from '../../domain/program.test-support.ts';
import { DOMID_SELF, EVTCHNOP, HYPERCALL, SCHEDOP, SHUTDOWN } from '../abi.ts';
import { ARGS, LOAD, testGuest } from '../pvh-program.test-support.ts';

const XENMEM_ADD_TO_PHYSMAP = 7;
const SHARED = 0x300000,
  PENDING = SHARED + 0x800,
  MASK = SHARED + 0x880;
const START = 0x8000,
  WORDS = 0x9000,
  READY = WORDS,
  ANSWERS = WORDS + 4,
  MOST = WORDS + 8,
  LEFT = WORDS + 12;
/** Arguments of the guest's hypercalls; its pieces. */
const POLL = ARGS + 0x100,
  SEND = ARGS + 0x140,
  SHUT_DOWN = ARGS + 0x180;
const OTHER = 0x400,
  GDT = 0x600,
  TRAMPOLINE = 0x700;
const ICR = 0xfee00300;
const ROUNDS = 100;

/** mov eax, number; mov ebx, command; mov ecx, argument; vmcall */
const hypercall = (number: number, command: number, argument: number): number[] =>
  asm('b8', d(number), 'bb', d(command), 'b9', d(argument), '0f 01 c1');

it('an event to a vCPU that polls for it is answered within a handler’s time, by a sender that looks at memory without PAUSE', () => {
  const round = asm(
    // mov edi, [ANSWERS]; rdtsc; mov esi, eax; send; cmp edi, [ANSWERS]; je back; rdtsc; sub eax, esi; cmp eax, [MOST]; jb over; mov [MOST], eax
    '8b 3d',
    d(ANSWERS),
    '0f 31 89 c6',
    hypercall(HYPERCALL.EVENT_CHANNEL_OP, EVTCHNOP.SEND, SEND),
    '3b 3d',
    d(ANSWERS),
    '74 f8',
    '0f 31 29 f0 3b 05',
    d(MOST),
    '72 05 a3',
    d(MOST),
    'ff 0d',
    d(LEFT),
  );
  // Copy of the trampoline to START, INIT and start-up to all others; pause until READY.
  const first = asm(
    'be',
    d(LOAD + TRAMPOLINE),
    'bf',
    d(START),
    'b9',
    d(0x80),
    'f3 a4 c7 05',
    d(ICR),
    d(0xc4500),
    'c7 05',
    d(ICR),
    d(0xc4600 | (START >> 12)),
    'f3 90 83 3d',
    d(READY),
    '01 72 f5',
    round,
    '0f 85',
    d(-(round.length + 6)),
    hypercall(HYPERCALL.SCHED_OP, SCHEDOP.SHUTDOWN, SHUT_DOWN),
    'f4',
  );
  const body = asm(
    hypercall(HYPERCALL.SCHED_OP, SCHEDOP.POLL, POLL),
    'f0 0f ba 35',
    d(PENDING),
    '01 ff 05',
    d(ANSWERS),
  );
  const other = asm('66 b8 10 00 8e d8 8e d0 ff 05', d(READY), body, 'eb', 256 - body.length - 2);
  const code = new Uint8Array(0x800);
  code.set(first);
  code.set(other, OTHER);
  code.set(asm(d(0), d(0), d(0xffff), d(0x00cf9b00), d(0xffff), d(0x00cf9300)), GDT);
  // cli; lgdt; CR0.PE; far jump
  code.set(asm('fa 66 0f 01 16 40 80 0f 20 c0 0c 01 0f 22 c0 66 ea', d(LOAD + OTHER), '08 00'), TRAMPOLINE);
  code.set(asm('17 00', d(LOAD + GDT)), TRAMPOLINE + 0x40);

  const guest = testGuest({ code: [...code], vcpus: 2 });
  expect(guest.call(HYPERCALL.MEMORY_OP, XENMEM_ADD_TO_PHYSMAP, guest.put(ARGS, DOMID_SELF, 0, 0, SHARED >>> 12))).toBe(
    0,
  );
  guest.put(MASK, -1);
  expect(guest.call(HYPERCALL.EVENT_CHANNEL_OP, EVTCHNOP.BIND_IPI, guest.put(ARGS, 1, 0))).toBe(0);
  const port = guest.get(ARGS + 4);
  expect(port).toBe(1);
  guest.put(POLL, POLL + 0x20, 1, 0, 0);
  guest.put(POLL + 0x20, port);
  guest.put(SEND, port);
  guest.put(SHUT_DOWN, SHUTDOWN.POWEROFF);
  guest.put(LEFT, ROUNDS);
  expect(runToEnd(guest.domain, 2000)).toMatchObject({ state: 'ended', ending: { kind: 'poweroff' } });
  expect(guest.get(ANSWERS)).toBe(ROUNDS);
  expect(guest.get(MOST)).toBeLessThan(16_000);
});
