/** Nested virtualization, which xl offers with `nestedhvm = 1`, is not there: as Xen has it where it is off (vmx.c, hvm.c, msr.c), by every way a guest may ask. */
import { describe, expect, it } from 'vitest';
import { asm } from '../../../cpu/test-support/asm.ts';
import { DOMID_SELF, EINVAL, EPERM, HVM_PARAM, HVMOP, HYPERCALL } from './abi.ts';
import { ARGS, testGuest } from './pvh-program.test-support.ts';
import { END, LOAD_TABLES, outcome, putTables, readMsr, result, run, writeMsr } from './ring0-program.test-support.ts';

const UD = 6,
  GP = 13;
const LEAF1_ECX_VMX = 1 << 5,
  EXTENDED_ECX_SVM = 1 << 2;

function ran(length: number, ...code: number[][]) {
  const guest = testGuest({ code: [...LOAD_TABLES, ...code.flat(), ...END] });
  putTables(guest, length);
  run(guest);
  return guest;
}

describe('an HVM guest without nested virtualization', () => {
  it('sees neither VMX nor SVM in CPUID', () => {
    const guest = ran(
      2,
      asm('mov eax, 1; xor ecx, ecx; cpuid; xor ebx, ebx', result(0)),
      asm('mov eax, 0x80000001; xor ecx, ecx; cpuid; xor ebx, ebx', result(1)),
    );
    // ECX is the last word of a result.
    expect([guest.get(0x4000c) & LEAF1_ECX_VMX, guest.get(0x4001c) & EXTENDED_ECX_SVM]).toEqual([0, 0]);
  });

  it('has IA32_FEATURE_CONTROL locked with VMX off, no VMX capabilities, and no VM_CR', () => {
    const guest = ran(
      2,
      readMsr(0x3a, 0),
      writeMsr(0x3a, 5, 0, 1),
      readMsr(0x480, 2),
      readMsr(0x48b, 3),
      readMsr(0xc0010114, 4),
    );
    expect([0, 1, 2, 3, 4].map(i => outcome(guest, i).vector)).toEqual([0, GP, GP, GP, GP]);
    expect(outcome(guest, 0).low).toBe(1);
  });

  it('cannot set CR4.VMXE: #GP(0)', () => {
    const guest = ran(
      3,
      asm('xor ebx, ebx; mov eax, cr4; or eax, 0x2000; mov cr4, eax', result(0)),
      asm('xor ebx, ebx; mov eax, cr4', result(1)),
    );
    expect(outcome(guest, 0).vector).toBe(GP);
    expect(outcome(guest, 1).low & 0x2000).toBe(0);
  });

  it.each([
    'vmlaunch',
    'vmresume',
    'vmxoff',
    'vmfunc',
    'vmread ebx, eax',
    'vmwrite eax, ebx',
    'vmptrld [ebx]',
    'vmrun',
    'stgi',
  ])('has no %s: #UD', code => {
    expect(outcome(ran(3, asm('xor ebx, ebx', code, result(0))), 0).vector).toBe(UD);
  });

  it('has no VMXON: #UD', () => {
    expect(outcome(ran(4, asm('xor ebx, ebx; vmxon [ebx]', result(0))), 0).vector).toBe(UD);
  });

  it('has no HVM_PARAM_NESTEDHVM, and neither has the toolstack: -EINVAL; domctl is not the guest’s', () => {
    const guest = testGuest();
    guest.put(ARGS, DOMID_SELF, HVM_PARAM.NESTEDHVM, 1, 0);
    expect([HVMOP.SET_PARAM, HVMOP.GET_PARAM].map(op => guest.call(HYPERCALL.HVM_OP, op, ARGS))).toEqual([
      -EINVAL,
      -EINVAL,
    ]);
    expect(guest.dom0.setHvmParam(guest.domain.options.record.id, HVM_PARAM.NESTEDHVM, 1)).toBe(-EINVAL);
    // XEN_DOMCTL_createdomain, where Xen 4.14 and later take the wish (XEN_DOMCTL_CDF_nested_virt).
    guest.put(ARGS, 1, 0x15);
    expect(guest.call(HYPERCALL.DOMCTL, ARGS)).toBe(-EPERM);
  });
});
