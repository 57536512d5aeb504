/**
 * A domain that waits for its state on a thread of its own: what runs guest code there has never run, and is compiled by the engine only once it has. A guest that
 * moves would wait for that (35 ms for its first 50,000 instructions), so that the processor runs a loop of ours before the guest's memory comes.
 */
import { giveTier, loadCompiler } from '../../cpu/index.ts';
import { ExitReason } from '../../cpu/architecture/index.ts';
import type { Domain } from './domain.ts';
import { enterKernel } from './enter-kernel.ts';
import { ramRanges } from '../layout/ram-layout.ts';
import { FRAME_BYTES, FRAME_SHIFT } from '../memory/machine.ts';

/** Of the loop: operands in memory, addresses of two registers, a stack, calls, conditions both ways. EDI: a doubleword of memory. */
const LOOP = Uint8Array.of(
  ...[0xb9, 40, 0, 0, 0], // mov ecx, 40
  ...[0x89, 0x1f], // outer: mov [edi], ebx
  ...[0xff, 0x47, 4], // inc dword [edi + 4]
  ...[0xba, 60, 0, 0, 0], // mov edx, 60
  ...[0x4a, 0x75, 0xfd], // inner: dec edx; jnz inner
  0x53, // push ebx
  ...[0xe8, 21, 0, 0, 0], // call part
  0x58, // pop eax
  ...[0x03, 0x07], // add eax, [edi]
  ...[0x31, 0xc3], // xor ebx, eax
  ...[0xc1, 0xe0, 3], // shl eax, 3
  ...[0x39, 0xd8], // cmp eax, ebx
  ...[0x77, 1], // ja further
  0x43, // inc ebx
  ...[0x8d, 0x34, 0x98], // further: lea esi, [eax + ebx * 4]
  ...[0x49, 0x75, 0xda], // dec ecx; jnz outer
  ...[0xeb, 0xd3], // jmp to the beginning
  ...[0x0f, 0xb6, 0x47, 1], // part: movzx eax, byte [edi + 1]
  ...[0x88, 0x47, 9], // mov [edi + 9], al
  ...[0x85, 0xc0], // test eax, eax
  ...[0x74, 2], // jz end
  ...[0x21, 0xd8], // and eax, ebx
  0xc3, // end: ret
);
const DATA = 0x800;
/** As many as a batch has; this many batches by the interpreter alone, and then with the second tier. */
const BATCH = 5000,
  INTERPRETED = 100,
  COMPILED = 200;

/** Guest frame of RAM that is there. */
function someFrame(domain: Domain): { gfn: number; mfn: number } | undefined {
  const { machine, record } = domain.options;
  for (const [first, end] of ramRanges(record))
    for (let gfn = first; gfn < end; gfn++) {
      const entry = machine.secondStage(record).entry(gfn);
      const mfn = entry >>> FRAME_SHIFT;
      if (mfn !== 0 && machine.ownerOf(mfn) === record.id && !machine.isDeviceFrame(mfn)) return { gfn, mfn };
    }
  return undefined;
}

/** Runs it in a domain with a virtual machine; it is as it was. `turn`: lets the thread's event loop have a turn. */
export async function warmUp(domain: Domain, turn: () => Promise<void>): Promise<void> {
  const frame = someFrame(domain);
  if (!frame) return;
  const { processor } = domain,
    { regs } = processor,
    { bytes } = domain.options.machine;
  const at = frame.mfn * FRAME_BYTES,
    address = frame.gfn << FRAME_SHIFT;
  const kept = { regs: regs.slice(), extra: processor.save(), frame: bytes.slice(at, at + FRAME_BYTES) };
  bytes.set(LOOP, at);
  const registers = { eax: 0, ebx: 0, ecx: 0, edx: 0, esi: 0, edi: address + DATA, ebp: 0, esp: address + FRAME_BYTES };
  enterKernel(processor, {
    kind: 'pvh',
    about: '',
    eip: address,
    registers,
    gdt: { base: 0, limit: 0 },
    cs: 8,
    ds: 16,
  });
  processor.reload();
  processor.flushTlb();
  const run = async (batches: number): Promise<void> => {
    for (let i = 0; i < batches; i++) {
      const reason = processor.run(BATCH);
      // Somebody rang, for when it runs.
      if (reason !== ExitReason.PREEMPTION_TIMER && reason !== ExitReason.EXTERNAL_INTERRUPT) return;
      if (processor.regions?.wantsCompiler) processor.regions.useCompiler(await loadCompiler());
      if (processor.regions?.waiting) await turn();
    }
  };
  try {
    await run(INTERPRETED);
    if (processor.lacksRegions) await giveTier(processor);
    await run(COMPILED);
  } catch {
    // What could not be loaded is asked for again, and reported, when the guest runs.
  }
  bytes.set(kept.frame, at);
  processor.invalidate(frame.mfn);
  regs.set(kept.regs);
  processor.restore(kept.extra);
  processor.reload();
  processor.flushTlb();
}
