/** A slice ends in time though its instructions become a thousand times slower: its length was told in instructions of before. */
import { expect, it } from 'vitest';
import { EAX, type Processor } from '../../cpu/index.ts';
import { program, programDomain } from './program.test-support.ts';

/** A quick loop of 20 million instructions, then `code` for ever; EAX is 1 while that runs. */
const quickThen = (code: string) => program(['mov eax, 10_000_000; quick: dec eax; jne quick; inc eax', code]);

/** The most that one slice took of a clock by which every instruction takes 5 ns, and what is slow as long as `slowNs` says. */
function longestSliceMs(kernel: Uint8Array, slowNs: (processor: Processor) => number): number {
  let processor: Processor | undefined;
  const hostMs = () => (processor ? (processor.retired * 5 + slowNs(processor)) / 1e6 : 0);
  const domain = programDomain(kernel, { hostMs });
  processor = domain.processor;
  let longest = 0;
  for (let slices = 0, slow = 0; slow < 20 && slices < 2000; slices++) {
    const before = hostMs();
    domain.runSlice();
    longest = Math.max(longest, hostMs() - before);
    if (processor.regs[EAX] === 1) slow++;
  }
  expect(processor.regs[EAX]).toBe(1);
  return longest;
}

it('where each instruction copies a page', () => {
  // 400 ns for five instructions and a page.
  const kernel = quickThen('again: mov esi, 0x200000; mov edi, 0x201000; mov ecx, 1024; rep movsd; jmp again');
  let rounds = 0,
    at = 0;
  expect(
    longestSliceMs(kernel, ({ retired, regs }) => {
      if (regs[EAX] === 1) rounds = (retired - (at ||= retired)) / 5;
      return rounds * 4000;
    }),
  ).toBeLessThan(10);
});

it('where each is answered by a device', () => {
  // An IN would change EAX.
  const kernel = quickThen('mov dx, 0x80; again: out dx, al; jmp again');
  let rounds = 0,
    at = 0;
  expect(
    longestSliceMs(kernel, ({ retired, regs }) => {
      if (regs[EAX] === 1) rounds = (retired - (at ||= retired)) / 2;
      return rounds * 2000;
    }),
  ).toBeLessThan(10);
});
