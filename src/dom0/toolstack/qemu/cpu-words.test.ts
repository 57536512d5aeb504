/** A vCPU as QEMU's monitor shows it. The same code in QEMU 7.2.22 (a boot sector, qemu-system-x86_64) gave these answers. */
import { beforeAll, expect, it } from 'vitest';
import { asm } from '../../../cpu/test-support/asm.ts';
import { testGuest } from '../../../hypervisor/interfaces/xen/pvh-program.test-support.ts';
import { type DomainView, MachineView } from '../../../hypervisor/view/index.ts';
import { askCpu } from './cpu-words.ts';

/** A large page, a table with pages of several kinds, and the directory as a table of its own. */
const PAGED = asm(
  'mov dword [0x4000], 0x83',
  'mov dword [0x4004], 0x5007',
  'mov dword [0x4008], 0',
  'mov dword [0x400c], 0x4003',
  'mov dword [0x5000], 0x6007',
  'mov dword [0x5004], 0x7107',
  'mov dword [0x5008], 0x8005',
  'mov dword [0x5010], 0x9003',
  'mov dword [0x5ffc], 0xa003',
  'mov dword [0x6000], 0x12345678',
  'mov dword [0x6004], 0xfedcba98',
  'mov eax, 0x10; mov cr4, eax',
  'mov eax, 0x4000; mov cr3, eax',
  'mov eax, cr0; or eax, 0x80000000; mov cr0, eax',
  'mov esp, 0x400ffc; push 0x41424344',
  'cli; hlt',
);

let view: DomainView;
beforeAll(() => {
  const { domain } = testGuest({ code: PAGED });
  for (let i = 0; i < 50 && domain.runSlice().state === 'running'; i++);
  view = new MachineView(domain.options.machine.memory).domain(domain.options.record.id)!;
});

it('info mem: what every level lets, in ranges', () => {
  expect(askCpu(view, 0, 'info mem')).toBe(`0000000000000000-0000000000400000 0000000000400000 -rw
0000000000400000-0000000000402000 0000000000002000 urw
0000000000402000-0000000000403000 0000000000001000 ur-
0000000000404000-0000000000405000 0000000000001000 -rw
00000000007ff000-0000000000800000 0000000000001000 -rw
0000000000c00000-0000000000c02000 0000000000002000 -rw
0000000000c03000-0000000000c04000 0000000000001000 -rw
`);
});

it('info tlb: each page with the flags of its entry', () => {
  // Which entries are marked as used is distinguished: QEMU's boot sector ran elsewhere.
  const used = (text: string): string => text.replaceAll(/D?A(?=--)/g, found => '-'.repeat(found.length));
  expect(used(askCpu(view, 0, 'info tlb')!)).toBe(
    used(`0000000000000000: 0000000000000000 --P-A---W
0000000000400000: 0000000000006000 ---DA--UW
0000000000401000: 0000000000007000 -G-----UW
0000000000402000: 0000000000008000 -------U-
0000000000404000: 0000000000009000 --------W
00000000007ff000: 000000000000a000 --------W
0000000000c00000: 0000000000000000 ----A---W
0000000000c01000: 0000000000005000 ----A--UW
0000000000c03000: 0000000000004000 --------W
`),
  );
});

it('info pg: entries by level, those that are alike as one (MIT’s QEMU for 6.828)', () => {
  const text = askCpu(view, 0, 'info pg')!;
  expect(text).toMatch(/^VPN range +Entry +Flags +Physical page\n\[00000-003ff\] +PDE\[000\] +-S-A---WP 00000\n/);
  expect(text).toMatch(/\n\[00400-007ff\] +PDE\[001\] +---A--UWP\n {2}\[00400-00400\] +PTE\[000\] +--DA--UWP 00006\n/);
});

it.each([
  ['x /4xw 0x400000', '0000000000400000: 0x12345678 0xfedcba98 0x00000000 0x00000000\n'],
  ['x /2db 0x400ff8', '0000000000400ff8:  68  67\n'],
  ['x/1xg 0x400000', '0000000000400000: 0xfedcba9812345678\n'],
  ['xp /3uh 0x6000', '0000000000006000: 22136  4660 47768\n'],
  ['x /2ow 0x400000', '0000000000400000: 02215053170 037667135230\n'],
  ['x /2dw 0x400000', '0000000000400000:  305419896 4275878552\n'],
  ['xp /4cb 0x6ff8', "0000000000006ff8: 'D' 'C' 'B' 'A'\n"],
  ['x /2xw $esp', '0000000000400ff8: 0x41424344 0x00000000\n'],
  ['x /2xw $esp+4', '0000000000400ffc: 0x00000000 0x00000000\n'],
  ['x /2xw 0x403000', '0000000000403000: Cannot access memory\n'],
  ['x /3xw 0x402ff8', '0000000000402ff8: Cannot access memory\n'],
])('%s', (line, answer) => {
  expect(askCpu(view, 0, line)).toBe(answer);
});

it('says what is wrong with a line, and leaves other words to others', () => {
  expect(askCpu(view, 0, 'x /4xw')).toContain('x /4xw 0x100000');
  expect(askCpu(view, 0, 'x /4qw 0')).toBe("invalid char in format: 'q'\n");
  expect(askCpu(view, 0, 'xp 0x10 nonsense')).toContain('nonsense');
  expect(askCpu(view, 0, 'x /99999xg 0')).toContain('at most');
  expect(askCpu(view, 0, 'info registers')).toContain('CR3=00004000');
  for (const line of ['info block', 'xenstore /', 'walk 0', '']) expect(askCpu(view, 0, line)).toBeUndefined();
});
