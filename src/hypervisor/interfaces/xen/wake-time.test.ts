import { expect, it } from 'vitest';
import { KICK } from './layout.ts';
import { HYPERCALL, SCHEDOP } from './abi.ts';
import { Ports } from './events/ports.ts';
import { testGuest } from './pvh-program.test-support.ts';
import { asm } from '../../../cpu/test-support/asm.ts';

const STAMP = 0x30000;

it('a guest without timers that an event wakes finds the time at which it came, not the one at which it fell asleep', () => {
  let hostMs = 0;
  const guest = testGuest({
    code: asm(`
      mov eax, ${HYPERCALL.SCHED_OP}; mov ebx, ${SCHEDOP.BLOCK}; xor ecx, ecx; vmcall
      rdtsc; mov [${STAMP}], eax; mov [${STAMP + 4}], edx
      again: jmp again
    `),
    options: { hostMs: () => (hostMs += 0.001) },
  });
  const { domain, get } = guest;
  while (domain.runSlice().state !== 'parked');
  hostMs += 3000;
  new Ports(domain.options.machine, domain.options.record).kick(0, KICK.WAKE);
  domain.runSlice();
  expect((get(STAMP) >>> 0) + (get(STAMP + 4) >>> 0) * 2 ** 32).toBeGreaterThanOrEqual(3e9);
});
