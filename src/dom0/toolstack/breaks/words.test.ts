import { expect, it } from 'vitest';
import { ExitReason } from '../../../cpu/architecture/index.ts';
import { reasonOf, spelled } from './words.ts';

it('says why a domain stopped, and where it stops, as people would', () => {
  const hit = { vcpu: 1, retired: 9 };
  expect(spelled({ kind: 'exit', number: ExitReason.IDT_FIRST + 14 })).toBe('an exit IDT_14');
  expect(
    reasonOf({
      ...hit,
      point: { kind: 'exit', number: ExitReason.IO },
      record: [ExitReason.IO, 0xc000, (0x1f7 << 16) | 8],
    }),
  ).toBe('vCPU 1 had an exit IO, a read of port 0x1f7, at 0x0000c000.');
  expect(
    reasonOf({ ...hit, point: { kind: 'port', number: 0x1f7 }, record: [ExitReason.IO, 0xc000, 0x1f7 << 16] }),
  ).toBe('vCPU 1 had an access to port 0x1f7, a write, at 0x0000c000.');
  expect(reasonOf({ ...hit, point: { kind: 'hypercall', number: 29 }, record: [29, 3, -22] })).toBe(
    'vCPU 1 had the hypercall sched_op, first argument 0x3, result -22.',
  );
  expect(reasonOf({ ...hit, point: { kind: 'event', number: 4 }, record: [4, -1, 0] })).toBe(
    'vCPU 1 had an event on port 4, to itself.',
  );
});
