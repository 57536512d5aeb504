/** Saved at a random moment, restored in another machine: what the guest checks itself agrees. All fifty: test/guests/saved-at-random.guest.ts. */
import { describe, expect, it } from 'vitest';
import { judge } from '../src/hypervisor/interfaces/xen/stream/judge.test-support.ts';
import { type Kind, saveAtRandom, Scene } from './support/saved-guests.ts';

describe.each(['pvh', 'hvm'] as Kind[])(
  'a %s guest that checksums its memory and counts ticks, among others that compute',
  kind => {
    it.each([1, 2])('does not notice that it was saved at a random moment (seed %i)', seed => {
      expect(saveAtRandom(kind, seed)).toEqual([]);
    });

    it.each([3, 4])('goes on in another host when it was asked to suspend itself (seed %i)', seed => {
      expect(saveAtRandom(kind, seed, true)).toEqual([]);
    });
  },
);

describe('a paravirtual guest that does so', () => {
  it('is an image as the documents want it: tables by guest frames, the list of frames, a context', () => {
    const scene = new Scene('pv', { load: 0, suspends: true });
    while (!scene.listens) scene.runTo(scene.domain.instructions + 100_000);
    const { records, tables, pages, p2mFrames, contexts } = judge(Buffer.from(scene.save(true)));
    const names = records.map(({ name }) => name).filter((name, i, all) => name !== all[i - 1] && name !== 'optional');
    expect(names.slice(0, names.indexOf('END') + 1)).toEqual([
      'LIBXC_CONTEXT',
      'X86_PV_INFO',
      'X86_CPUID_POLICY',
      'X86_MSR_POLICY',
      'STATIC_DATA_END',
      'X86_PV_P2M_FRAMES',
      'PAGE_DATA',
      'X86_TSC_INFO',
      'SHARED_INFO',
      'X86_PV_VCPU_BASIC',
      'END',
    ]);
    // 8 MiB, and the list of them.
    expect([pages.size, p2mFrames.length]).toEqual([2048, 2]);
    // CR3 of vCPU 0 is the one pinned table of the third level (type 3, pinned: B), and each entry of a table is a guest frame of the right type.
    const context = contexts.get(0)!;
    const cr3 = context.readUInt32LE(0xa9c + 12);
    expect(tables.get((cr3 >>> 12) | ((cr3 & 0xfff) << 20))).toBe(0xb);
    for (const [pfn, type] of tables) {
      const bytes = pages.get(pfn);
      for (let at = 0; bytes && at < 4096; at += 8) {
        const entry = bytes.readUInt32LE(at);
        if (!(entry & 1)) continue;
        const below = (tables.get(entry >>> 12) ?? 0) & 7;
        expect(pages.has(entry >>> 12)).toBe(true);
        // Nothing may write to a table, and a table names tables of the level below.
        if ((type & 7) === 1) expect(below !== 0 && (entry & 2) !== 0).toBe(false);
        else expect(below).toBe((type & 7) - 1);
      }
    }
  });

  it.each([5, 6])('goes on in another host when it was asked to suspend itself (seed %i)', seed => {
    expect(saveAtRandom('pv', seed, true)).toEqual([]);
  });
});
