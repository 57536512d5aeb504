/** Processors in saved states: registers by name, and states of the time when they were words of a layout. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import * as R from '../../../../cpu/architecture/registers.ts';
import type { SavedRegisters } from '../../../../cpu/architecture/saved-registers.ts';
import { assembleDomain } from '../../assemble.ts';
import type { Domain } from '../../../domain/domain.ts';
import { createDomain } from '../../../memory/domain-table.ts';
import { Machine } from '../../../memory/machine.ts';
import { memoryOf, testGuest } from '../pvh-program.test-support.ts';
import { HVM } from './format.ts';
import { readProcessor } from './processors.ts';
import { readState, saveDomain, type SavedState } from './state.ts';
import { XEN_PVH } from '../records.ts';

/**
 * A guest of `testGuest`, saved by commit 2a51fcd before the ADC of a turn of this loop: FNINIT; FLDPI; MOV ECX, 1000; L: MOVD XMM5, ECX; ADD EBX, ECX;
 * CMP ECX, 500; ADC EDX, 0; DEC ECX; JNZ L; FISTP [0x234000]; MOVD ESI, XMM5; CLI; HLT.
 */
const OLD = new URL('./fixtures/before-named-registers.save.gz', import.meta.url);
const RESULT = 0x234000;

const bytesOf = (domain: Domain): Buffer =>
  Buffer.concat(saveDomain(domain, { name: 'old', program: 'test', definition: 'name = "old"\n' }));

function restored(saved: SavedState): Domain {
  const machine = Machine.create(new SharedArrayBuffer(48 * 2 ** 20));
  const record = createDomain(machine, 4, 0x100000, { guest: XEN_PVH, vcpus: 1 });
  return assembleDomain({ ...testGuest().domain.options, machine, record, boot: saved.boot }, saved);
}

function finish(domain: Domain): number[] {
  for (let slices = 0; slices < 20 && domain.runSlice().state === 'running'; ) slices++;
  const { regs } = domain.processor;
  return [regs[R.ECX], regs[R.EDX], regs[R.ESI], memoryOf(domain).get(RESULT)];
}
/** The count, how many turns were below 500, the last one's number, and pi as an integer. */
const FINISHED = [0, 499, 1, 3];

describe('a state that holds state words', () => {
  const old = (): SavedState => readState(gunzipSync(readFileSync(OLD)), 'old.save');

  it('is read, and its guest goes on where it was', () => {
    const domain = restored(old());
    const { regs } = domain.processor;
    expect([regs[R.ECX], regs[R.EDX], regs[R.EIP]]).toEqual([700, 0, 0x100020]);
    expect(regs[R.XMM + 20]).toBe(700);
    expect(finish(domain)).toEqual(FINISHED);
  });

  it('is saved again with names, and goes on from those', () => {
    const saved = readState(bytesOf(restored(old())), 'new.save');
    const { state } = saved.hvm.find(({ type }) => type === HVM.CPU)!;
    expect(state.block).toBeUndefined();
    expect((state.registers as SavedRegisters).rcx).toEqual(Int32Array.of(700, 0));
    expect(Object.values(state).some(value => value instanceof Int32Array && value.length >= R.STATE_WORDS)).toBe(
      false,
    );
    expect(finish(restored(saved))).toEqual(FINISHED);
  });
});

it('of the time when exits had addresses of 32 bits is read with its last ones', () => {
  const { state } = readState(bytesOf(testGuest().domain), 'x').hvm.find(({ type }) => type === HVM.CPU)!;
  const lastExitRing = Int32Array.from({ length: 32 * 4 }, (_, i) => -i);
  const ring = readProcessor({ ...state, lastExitRing })!.lastExitRing;
  expect([...ring.subarray(6, 12)]).toEqual([-4, -5, -6, 0, -7, 0]);
});

describe('a processor', () => {
  const { state } = readState(bytesOf(testGuest().domain), 'x').hvm.find(({ type }) => type === HVM.CPU)!;

  it.each([
    ['without a register', { registers: { ...(state.registers as object), rip: undefined } }],
    ['with a register of another size', { registers: { ...(state.registers as object), rip: new Int32Array(1) } }],
    ['without its registers', { registers: undefined }],
    ['with more counts of exits than there are reasons', { exitCounts: new Int32Array(5000) }],
    ['with a block of another size', { block: new Int32Array(100), registers: undefined }],
    ['that does not say what it does', { activity: undefined }],
  ])('%s is none', (_what, change) => {
    expect(readProcessor(state)).toBeDefined();
    expect(readProcessor({ ...state, ...change })).toBeUndefined();
  });
});
