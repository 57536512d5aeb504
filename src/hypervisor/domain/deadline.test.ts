/** A deadline in host time costs few looks, whatever the guest's clock knows of its instructions before. */
import { expect, it } from 'vitest';
import type { Processor } from '../../cpu/index.ts';
import { MachineView } from '../view/machine-view.ts';
import { program, programDomain } from './program.test-support.ts';

/** Four deadlines lie in one tick. */
const TICK_NS = 10e6;
/** PIT: a tick each hundredth of a second. mov al,0x34; out 0x43,al; mov al,0x9c; out 0x40,al; mov al,0x2e; out 0x40,al. */
const HUNDRED_HZ = 'mov al, 0x34; out 0x43, al; mov al, 0x9c; out 0x40, al; mov al, 0x2e; out 0x40, al';
/** L: dec eax; jnz L; jmp L. */
const LOOP = 'turns: dec eax; jne turns; jmp turns';

/** Exits of the timer without those that end a slice, for each tick, in `ticks` of them; by a clock by which each instruction takes 2 ns and `otherNs` is added. */
function exitsEachTick(
  kernel: Uint8Array,
  fromNs: number,
  otherNs: (processor: Processor) => number,
  ticks = 20,
): number {
  let processor: Processor | undefined;
  const domain = programDomain(kernel, {
    hostMs: () => (processor ? (processor.retired * 2 + otherNs(processor)) / 1e6 : 0),
  });
  processor = domain.processor;
  const until = (ns: number): number => {
    let slices = 0;
    for (; domain.clock.estimateNs(processor!.retired) < ns; slices++) domain.runSlice();
    return slices;
  };
  const { machine, record } = domain.options,
    exits = (): number => new MachineView(machine.memory).domain(record.id)!.exits().domain.PREEMPTION_TIMER ?? 0;
  until(fromNs);
  const before = exits(),
    slices = until(fromNs + ticks * TICK_NS);
  return (exits() - before - slices) / ticks;
}

it('while the guest is behind, because its thread stood still', () => {
  expect(
    exitsEachTick(program([HUNDRED_HZ, LOOP]), 300e6, ({ retired }) => (retired > 140e6 ? 500e6 : 0)),
  ).toBeLessThan(5);
});

it('right after instructions that were a thousand times slower, because devices answered them', () => {
  // 2 microseconds each.
  let slow = 0;
  const kernel = program([HUNDRED_HZ, 'mov ecx, 20000; mov dx, 0x80; again: out dx, al; loop again', LOOP]);
  expect(
    exitsEachTick(kernel, 100.2e6, ({ retired, regs }) => {
      if (regs[1] !== 0) slow = retired;
      return slow * 2500;
    }),
  ).toBeLessThan(8);
});
