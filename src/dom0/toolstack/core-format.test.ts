/** The core file of a guest that is paused, read as dump-core-format.txt describes it. */
import { expect, it } from 'vitest';
import { pvhKernel, print, waitForKey } from '../../hypervisor/interfaces/xen/pvh-kernel.test-support.ts';
import { loadLevel } from '../../cpu/index.ts';
import {
  HIGH_JUMP,
  LONG,
  longProgram,
  programDomain,
  UPPER_HALF,
} from '../../hypervisor/domain/program.test-support.ts';
import { readState, saveDomain } from '../../hypervisor/index.ts';
import { coreFile } from './core-format.ts';
import { testFile, testFiles, testHost } from '../service/host.test-support.ts';

/** Sections by name. */
function sections(core: Uint8Array): Map<string, Uint8Array> {
  const view = new DataView(core.buffer, core.byteOffset, core.byteLength);
  const number = (at: number): number => Number(view.getBigUint64(at, true));
  const header = (n: number): number => number(40) + n * view.getUint16(58, true);
  const body = (n: number): Uint8Array =>
    core.subarray(number(header(n) + 24), number(header(n) + 24) + number(header(n) + 32));
  const names = new TextDecoder().decode(body(view.getUint16(62, true)));
  return new Map(
    Array.from({ length: view.getUint16(60, true) - 1 }, (_, i) => {
      const from = view.getUint32(header(i + 1), true);
      return [names.slice(from, names.indexOf('\0', from)), body(i + 1)] as const;
    }),
  );
}

it('has the processors, and every page with its number', async () => {
  const files = await testFiles();
  const host = testHost({ files });
  const kernel = pvhKernel([...print('up'), ...waitForKey()]);
  const { id } = await host.create([
    testFile('x.cfg', 'name = "x"\ntype = "pvh"\nmemory = 8\nvcpus = 2\nkernel = "k.elf"\n'),
    testFile('k.elf', kernel),
  ]);
  await new Promise(resolve => setTimeout(resolve, 200));
  host.toolstack.setPaused(host.domains.living(id), true);
  await host.domains.dumpCore(host.domains.living(id), '/tmp/x.core');
  const core = await files.readFileBuffer('/tmp/x.core');
  const found = sections(core);
  expect([...found.keys()]).toEqual(['.shstrtab', '.note.Xen', '.xen_prstatus', '.xen_pfn', '.xen_pages']);
  const notes = found.get('.note.Xen')!;
  const note = new DataView(notes.buffer, notes.byteOffset);
  // Behind the empty note: magic of a translated guest, vCPUs, pages, their size.
  const [magic, vcpus, pages, bytes] = [0, 1, 2, 3].map(i => Number(note.getBigUint64(32 + 8 * i, true)));
  expect([magic, vcpus, bytes]).toEqual([0xf00febee, 2, 4096]);
  expect(found.get('.xen_prstatus')!.length).toBe(2 * 5168);
  expect([found.get('.xen_pfn')!.length, found.get('.xen_pages')!.length]).toEqual([pages! * 8, pages! * 4096]);
  // Where the processor stands there is the program's code.
  const context = found.get('.xen_prstatus')!;
  const rip = Number(new DataView(context.buffer, context.byteOffset).getBigUint64(648, true));
  const frames = found.get('.xen_pfn')!;
  const numbers = Array.from({ length: pages! }, (_, i) =>
    Number(new DataView(frames.buffer, frames.byteOffset).getBigUint64(8 * i, true)),
  );
  const at = numbers.indexOf(rip >>> 12) * 4096 + (rip & 4095);
  expect(numbers).toHaveLength(new Set(numbers).size);
  const code = Buffer.from(found.get('.xen_pages')!.subarray(at, at + 8));
  expect(Buffer.from(kernel).includes(code), code.toString('hex')).toBe(true);
  expect(code.some(byte => byte !== 0)).toBe(true);
});

it('has the registers of 64-bit code where Xen puts them', async () => {
  await loadLevel('x86-64');
  const domain = programDomain(
    longProgram(
      [
        // KERNEL_GS_BASE, GS_BASE, CR4.OSFXSR.
        `mov rsp, ${UPPER_HALF + 0x300000}; mov r15, rsp; mov ecx, 0xc0000102; mov eax, 7; xor edx, edx; wrmsr`,
        'mov ecx, 0xc0000101; mov eax, 9; wrmsr; mov rax, cr4; or ah, 2; mov cr4, rax',
        'fninit; fld1; movq xmm15, r15; cli; hlt',
      ],
      true,
    ),
    { cpuLevel: 'x86-64' },
  );
  domain.runSlice();
  const state = readState(Buffer.concat(saveDomain(domain, { name: 'x', program: 'test', definition: '' })), 'x');
  const core = new Uint8Array(Buffer.concat(coreFile(state, true)));
  // EI_CLASS of 64 bits, ET_CORE, EM_X86_64.
  expect([core[4], core[16], core[18]]).toEqual([2, 4, 62]);
  const context = sections(core).get('.xen_prstatus')!,
    view = new DataView(context.buffer, context.byteOffset, context.length),
    word = (at: number): number => Number(view.getBigInt64(at, true));
  expect(context).toHaveLength(5168);
  const at = { r15: 520, rsp: 672, gsKernel: 5152, gsUser: 5160, xmm15: 160 + 15 * 16, rip: 648 } as const;
  expect(Object.fromEntries(Object.entries(at).map(([name, offset]) => [name, word(offset)]))).toEqual({
    r15: UPPER_HALF + 0x300000,
    rsp: UPPER_HALF + 0x300000,
    gsKernel: 9,
    gsUser: 7,
    xmm15: UPPER_HALF + 0x300000,
    // Behind its last instruction.
    rip: UPPER_HALF + LONG + HIGH_JUMP + 56,
  });
  // VGCF_i387_valid, VGCF_online; ST(0) is 1.0.
  expect([view.getUint32(512, true), view.getBigUint64(32, true), view.getUint16(40, true)]).toEqual([
    33,
    1n << 63n,
    0x3fff,
  ]);
});
