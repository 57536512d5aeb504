/** What an event to another vCPU of the domain costs until its answer is there (EVTCHNOP_bind_ipi); ../ipi.test.ts asks the same of the local APIC. */
import { expect, it } from 'vitest';
import { asm, d } from '../../../../cpu/test-support/asm.ts';
import { runToEnd, toProtectedMode } from '../../../domain/program.test-support.ts';
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

const hypercall = (number: number, command: number, argument: number): number[] =>
  asm(`mov eax, ${number}; mov ebx, ${command}; mov ecx, ${argument}; vmcall`);

it('an event to a vCPU that polls for it is answered within a handler’s time, by a sender that looks at memory without PAUSE', () => {
  const round = asm(
    `mov edi, [${ANSWERS}]; rdtsc; mov esi, eax`,
    hypercall(HYPERCALL.EVENT_CHANNEL_OP, EVTCHNOP.SEND, SEND),
    `
      again: cmp edi, [${ANSWERS}]; je again; rdtsc; sub eax, esi; cmp eax, [${MOST}]; jb over
      mov [${MOST}], eax
      over: dec dword [${LEFT}]
    `,
  );
  // Copy of the trampoline to START, INIT and start-up to all others; pause until READY.
  const first = asm(
    `
      mov esi, ${LOAD + TRAMPOLINE}; mov edi, ${START}; mov ecx, 0x80; rep movsb
      mov dword [${ICR}], 0xc4500; mov dword [${ICR}], ${0xc4600 | (START >> 12)}
      again: pause; cmp dword [${READY}], 1; jb again
    `,
    'round:',
    round,
    'jnz round',
    hypercall(HYPERCALL.SCHED_OP, SCHEDOP.SHUTDOWN, SHUT_DOWN),
    'hlt',
  );
  const body = asm(
    hypercall(HYPERCALL.SCHED_OP, SCHEDOP.POLL, POLL),
    `lock btr dword [${PENDING}], 1; inc dword [${ANSWERS}]`,
  );
  const other = asm(`mov ax, 0x10; mov ds, ax; mov ss, ax; inc dword [${READY}]; again:`, body, 'jmp again');
  const code = new Uint8Array(0x800);
  code.set(first);
  code.set(other, OTHER);
  code.set(asm(d(0), d(0), d(0xffff), d(0x00cf9b00), d(0xffff), d(0x00cf9300)), GDT);
  code.set(toProtectedMode(LOAD + GDT, 0x17, LOAD + OTHER), TRAMPOLINE);

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
