/** Frames that the hypervisor puts onto a paravirtual kernel's stack. Sources: SDM vol. 3, 17.3.1.1; xen/arch/x86/pv/traps.c and x86_64/entry.S of Xen 4.17. */
import { expect, it } from 'vitest';
import { type Processor, registers as R } from '../../../../cpu/architecture/index.ts';
import { type PvBlock, PV } from './block.ts';
import { Traps, type TrapParts } from './traps.ts';

const RF = 0x10000;
const FLAGS = 0x246;

/** The words of the frame for `deliver`, lowest address first. */
function frameOf(deliver: (traps: Traps) => void, eflags = FLAGS): number[] {
  const regs = new Int32Array(R.STATE_WORDS),
    state = new Int32Array(4096);
  regs[R.CPL] = 1;
  regs[R.ESP] = 0x1000;
  for (let vector = 0; vector < 256; vector++) {
    state[PV.TRAPS + 2 * vector] = 0xe019 | (3 << 16);
    state[PV.TRAPS + 2 * vector + 1] = 0x400000 + vector;
  }
  let frame: number[] = [];
  const parts = {
    processor: { regs, eflags, reload: () => {} } as unknown as Processor,
    block: { vcpu: () => state } as unknown as PvBlock,
    descriptors: { load: () => true },
    memory: {
      write: (_at: number, bytes: Uint8Array) => {
        frame = [...new Int32Array(bytes.buffer)];
        return true;
      },
    },
    currentVcpu: () => 0,
    bytes: new Uint8Array(4096),
    vcpuInfo: () => 0,
    architecturalIopl: () => false,
    crash: (sentence: string) => {
      throw new Error(sentence);
    },
  } as unknown as TrapParts;
  deliver(new Traps(parts));
  // What the handler begins with has none.
  expect(parts.processor.eflags & RF).toBe(0);
  return frame;
}

it.each([0, 5, 6, 7, 10, 11, 12, 13, 14, 16, 17, 19])('the flags of fault %i have RF', vector => {
  const frame = frameOf(traps => traps.deliver(vector, 0));
  expect(frame.at(-1)! & RF).toBe(RF);
  expect(frame.at(-1)! & ~RF).toBe(FLAGS);
});

it.each([1, 2, 3, 4, 18])('those of %i, which is no fault, are as they were', vector => {
  for (const flags of [FLAGS, FLAGS | RF]) expect(frameOf(traps => traps.deliver(vector, 0), flags).at(-1)).toBe(flags);
});

it('INT n comes by a protection fault, but for those whose gates in Xen’s table are open, and has no error code', () => {
  for (const vector of [3, 4, 0x80])
    expect(frameOf(traps => traps.softwareInterrupt(vector))).toEqual([0, expect.any(Number), FLAGS]);
  for (const vector of [13, 14, 0x21, 0x2d, 0xa0])
    expect(frameOf(traps => traps.softwareInterrupt(vector))).toEqual([0, expect.any(Number), FLAGS | RF]);
});
