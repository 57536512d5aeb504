import { expect, it } from 'vitest';
import { HYPERCALL } from './abi.ts';
import { operationName } from './operation-names.ts';

it('names the operation that the first argument asks for, as the public headers do', () => {
  expect(operationName(HYPERCALL.EVENT_CHANNEL_OP, 4)).toBe('EVTCHNOP_send');
  expect(operationName(HYPERCALL.SCHED_OP, 1)).toBe('SCHEDOP_block');
  // Above the command stands where a call that was interrupted goes on.
  expect(operationName(HYPERCALL.MEMORY_OP, (9 << 6) | 7)).toBe('XENMEM_add_to_physmap');
  for (const [number, first] of [
    [HYPERCALL.EVENT_CHANNEL_OP, 99],
    [HYPERCALL.MMU_UPDATE, 0],
    [63, 0],
  ] as const)
    expect(operationName(number, first)).toBeUndefined();
});
