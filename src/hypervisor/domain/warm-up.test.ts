import { expect, it } from 'vitest';
import { program, programDomain, runToEnd } from './program.test-support.ts';
import { warmUp } from './warm-up.ts';

it('runs a loop in a domain that waits, and leaves it as it was', async () => {
  const domain = programDomain(program(['mov dx, 0xf4; mov al, 7; out dx, al']));
  const { processor, options } = domain;
  const memory = options.machine.bytes.slice(),
    regs = processor.regs.slice();
  let ran = 0;
  const { run } = processor;
  processor.run = limit => {
    const reason = run.call(processor, limit);
    ran = Math.max(ran, processor.retired);
    return reason;
  };
  await warmUp(domain, async () => {});
  // It has come to what the second tier compiles.
  expect(ran).toBeGreaterThan(1_000_000);
  expect(processor.regions?.statistics.compiled).toBeGreaterThan(0);
  expect([...processor.regs]).toEqual([...regs]);
  const now = options.machine.bytes;
  expect(memory.findIndex((byte, at) => byte !== now[at])).toBe(-1);
  runToEnd(domain);
  expect(domain.ending).toMatchObject({ kind: 'debug-exit', value: 7 });
}, 20_000);
