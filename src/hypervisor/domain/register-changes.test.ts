/**
 * Instructions that read and write a device's register, on every kind of guest that has the device: some of these accesses are answered in place, others leave
 * (Intel SDM vol. 2: each of these reads its operand, then writes it).
 */
import { expect, it } from 'vitest';
import { loadLevel } from '../../cpu/index.ts';
import { asm } from '../../cpu/test-support/asm.ts';
import { XEN_TYPE } from '../interfaces/xen/layout.ts';
import { testGuest } from '../interfaces/xen/pvh-program.test-support.ts';
import { KVM_RECORDS } from '../interfaces/kvm/records.ts';
import type { DomainShape } from '../memory/domain-table.ts';
import type { Domain } from './domain.ts';
import { LOAD, longProgram, program, programDomain, runToEnd } from './program.test-support.ts';

/** Registers that hold eight bits at least: the local APIC's task priority, the I/O APIC's index, the HPET's comparator 1. */
const REGISTERS = { 'local APIC': 0xfee00080, 'I/O APIC': 0xfec00000, HPET: 0xfed00128 };
const OUT = 0x180000;

/** With 10H in the register, 30H in EAX and 50H in EBX before: EAX and the register after. AT is the register. */
const CHANGES: [code: string, eax: number, register: number][] = [
  ['mov [AT], eax', 0x30, 0x30],
  ['xchg [AT], eax', 0x10, 0x30],
  ['and dword [AT], 0x70', 0x30, 0x10],
  ['lock or dword [AT], 0x20', 0x30, 0x30],
  ['xor [AT], eax', 0x30, 0x20],
  ['add [AT], eax', 0x30, 0x40],
  ['stc; adc dword [AT], 0', 0x30, 0x11],
  ['sub dword [AT], 1', 0x30, 0xf],
  ['lock inc dword [AT]', 0x30, 0x11],
  ['dec dword [AT]', 0x30, 0xf],
  ['shl dword [AT], 1', 0x30, 0x20],
  ['bts dword [AT], 5', 0x30, 0x30],
  ['lock btr dword [AT], 4', 0x30, 0],
  ['btc dword [AT], 0', 0x30, 0x11],
  ['lock xadd [AT], eax', 0x10, 0x40],
  ['mov eax, 0x10; cmpxchg [AT], ebx', 0x10, 0x50],
  ['lock cmpxchg [AT], ebx', 0x10, 0x10],
  ['mov esi, AT; mov edi, AT; movsd', 0x30, 0x10],
  ['mov esi, AT; mov edi, AT; mov ecx, 1; rep movsd', 0x30, 0x10],
  ['mov edi, AT; mov ecx, 1; rep stosd', 0x30, 0x30],
];
const NARROW: typeof CHANGES = [
  ['push dword [AT]; pop eax', 0x10, 0x10],
  ['push eax; pop dword [AT]', 0x30, 0x30],
];
/** Of 64 bits, where the low half is answered in place and the high one is not. */
const WIDE: typeof CHANGES = [
  ['mov rax, [rbp]; and eax, 0xff', 0x10, 0x10],
  ['push qword [rbp]; pop rax; and eax, 0xff', 0x10, 0x10],
];

type Place = keyof typeof REGISTERS;
const PC: readonly Place[] = ['local APIC', 'I/O APIC'];

/** Writes EAX and the register after each change, one place after the other, to OUT. `base`: EBP or RBP. */
function source(places: readonly Place[], changes: typeof CHANGES, base = 'ebp'): string {
  const one = (place: Place, code: string): string => `
    mov ebp, ${REGISTERS[place]}; mov dword [${base}], 0x10; mov eax, 0x30; mov ebx, 0x50
    ${code.replaceAll('[AT]', `[${base}]`).replaceAll('AT', String(REGISTERS[place]))}
    mov ebx, [${base}]; mov [edx], eax; mov [edx + 4], ebx; add edx, 8
  `;
  return `cli; mov edx, ${OUT}; ${places.flatMap(place => changes.map(([code]) => one(place, code))).join('')}; hlt`;
}

const ALL_NARROW = [...CHANGES, ...NARROW],
  ALL_WIDE = [...CHANGES, ...WIDE];
const onPc = (shape: DomainShape): Domain =>
  programDomain(program([source(PC, ALL_NARROW)]), { apic: true }, undefined, undefined, shape);
const onXen = (places: readonly Place[], type: number): Domain =>
  testGuest({ code: asm('mov esp, 0x90000', source(places, ALL_NARROW)), type, hasHpet: type === XEN_TYPE.HVM }).domain;

/** Where the 64-bit program lies, and the entry of its page tables for the fourth GiB, as longProgram has them. */
const BODY = 0x800,
  FOURTH_GIB = 0x201018;
const onLongPc = (): Domain => {
  const body = ['bits 64', `mov dword [${FOURTH_GIB}], 0xc0000083`, source(PC, ALL_WIDE, 'rbp')];
  return programDomain(longProgram([`mov eax, ${LOAD + BODY}; jmp rax`], false, { [BODY]: body }), {
    apic: true,
    cpuLevel: 'x86-64-v2',
  });
};

it.each<[string, readonly Place[], typeof CHANGES, () => Domain]>([
  ['a plain PC', PC, ALL_NARROW, () => onPc({})],
  ['a plain PC with shadow page tables', PC, ALL_NARROW, () => onPc({ shadowFrames: 64 })],
  ['64-bit code on a plain PC', PC, ALL_WIDE, onLongPc],
  ['a guest of KVM', PC, ALL_NARROW, () => onPc({ guest: KVM_RECORDS })],
  ['a PVH guest', ['local APIC'], ALL_NARROW, () => onXen(['local APIC'], XEN_TYPE.PVH)],
  ['an HVM guest', [...PC, 'HPET'], ALL_NARROW, () => onXen([...PC, 'HPET'], XEN_TYPE.HVM)],
])('%s changes registers by every instruction that reads and writes them', async (_, places, changes, make) => {
  await loadLevel('x86-64-v2');
  const domain = make(),
    bytes = new Uint8Array(8 * changes.length * places.length),
    words = new Uint32Array(bytes.buffer);
  runToEnd(domain, 3);
  domain.memory.read(OUT, bytes);
  expect(
    places.flatMap((place, p) =>
      changes.map(([code], c) => {
        const at = 2 * (p * changes.length + c);
        return [place, code, words[at], words[at + 1]];
      }),
    ),
  ).toEqual(places.flatMap(place => changes.map(([code, eax, register]) => [place, code, eax, register])));
});
