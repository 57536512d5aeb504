/** Front ends found in memory: in one that is made up, with what only looks like them; and in a guest's that runs. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { arePlausible, findInPage, type Found, type LinearMemory } from './front-rings.ts';
import { testFile, testHost, until } from './host.test-support.ts';
import { MemoryStore, Storage } from '../host/storage/index.ts';

const PAGE = 4096,
  WORDS = 1024;
/** Machine frames: the ring's, one that is no ring, and those of two pages that follow one another for the guest alone. */
const RING = 3,
  OTHER = 4,
  FIRST = 7,
  SECOND = 5;
const AT = 0xc010_0000;

/** All of `fields` by the word at which each structure begins, behind the first of the two pages. */
function search(structures: readonly [at: number, ...fields: number[]][]) {
  const words = new Int32Array(10 * WORDS),
    frames: Record<number, number> = { [AT]: FIRST, [AT + PAGE]: SECOND, [0xc000_3000]: RING, [0xc000_4000]: OTHER };
  // req_prod 40, rsp_prod 36.
  words.set([40, 38, 36, 37], RING * WORDS);
  for (const [at, ...fields] of structures)
    fields.forEach((value, i) => {
      words[(at + i < WORDS ? FIRST * WORDS : SECOND * WORDS - WORDS) + at + i] = value;
    });
  const memory: LinearMemory = {
    words,
    pageAt: linear => {
      const frame = frames[(linear & -PAGE) >>> 0];
      return frame === undefined ? -1 : frame * WORDS;
    },
  };
  const found: Found[] = [];
  for (const page of [AT, AT + PAGE])
    findInPage(memory, page, memory.pageAt(page), [{ key: 'vbd/1', slots: 32, page: RING * WORDS }], (_, where) =>
      found.push(where),
    );
  return found.map(({ address, words: [pvt, cons] }) => [address, words[pvt!], words[cons!]]);
}

describe('the front end of a ring', () => {
  it('is where the number of slots and the address of the ring follow two indices that can be its own', () => {
    expect(search([[100, 43, 35, 32, 0xc000_3000]])).toEqual([[AT + 400, 43, 35]]);
  });

  it('is found over the end of a page, behind which the guest has another', () => {
    for (const at of [WORDS - 1, WORDS - 2, WORDS - 3])
      expect(search([[at, 40, 36, 32, 0xc000_3000]])).toEqual([[AT + at * 4, 40, 36]]);
  });

  it('is not what only looks like it', () => {
    expect(
      search([
        // Another page; one that is not there; the middle of the ring's; other slots.
        [8, 40, 36, 32, 0xc000_4000],
        [16, 40, 36, 32, 0xc000_8000],
        [24, 40, 36, 32, 0xc000_3010],
        [32, 40, 36, 64, 0xc000_3000],
        // Fewer drafted than pushed, more than there are slots, more read than answered.
        [40, 39, 36, 32, 0xc000_3000],
        [48, 73, 36, 32, 0xc000_3000],
        [56, 40, 37, 32, 0xc000_3000],
        // No other page follows, nor goes before.
        [2 * WORDS - 2, 40, 36],
      ]),
    ).toEqual([]);
    expect(
      search([
        [200, 0, 0, 32, 0xc000_3000],
        [300, 41, 36, 32, 0xc000_3000],
      ]),
    ).toEqual([[AT + 1200, 41, 36]]);
  });

  it('has indices that run on over 32 bits', () => {
    expect(
      arePlausible({ slots: 32, reqProd: 0xffff_ffff, rspProd: 0xffff_fffe }, { reqProdPvt: 2, rspCons: 0xffff_fff0 }),
    ).toBe(true);
    expect(
      arePlausible(
        { slots: 32, reqProd: 0xffff_ffff, rspProd: 0xffff_fffe },
        { reqProdPvt: 0xffff_fffe, rspCons: 0xffff_fff0 },
      ),
    ).toBe(false);
    expect(arePlausible({ slots: 32, reqProd: 60, rspProd: 30 }, { reqProdPvt: 60, rspCons: 20 })).toBe(false);
  });

  it.each(['pv', 'pvh'])('is found in the memory of a guest, %s, and says what that has asked and read', async type => {
    const storage = await Storage.open({ store: new MemoryStore(), epochMs: () => 0, random: () => 0 });
    storage.createVolume('disk', 2 ** 20);
    const host = testHost({ storage: async () => storage });
    const { id } = await host.create([
      testFile(
        'a.cfg',
        `name = "a"\ntype = "${type}"\nmemory = 16\nkernel = "minipv.elf"\ndisk = ["phy:/dev/vg0/disk,xvda,w"]\nvif = [""]\n`,
      ),
      testFile('minipv.elf', readFileSync(new URL('../../../guests/minipv/minipv.elf', import.meta.url))),
    ]);
    const rings = await until(async () => {
      const all = await host.inspect('rings', id);
      return all.length === 3 && all.every(({ front }) => front) && all;
    });
    expect(rings.map(({ key }) => key)).toEqual(['vbd/51712', 'vif/0 tx', 'vif/0 rx']);
    for (const { front, reqProd, rspProd } of rings)
      expect([front!.reqProdPvt, front!.rspCons]).toEqual([reqProd, rspProd]);
    expect(new Set(rings.map(({ front }) => front!.address)).size).toBe(3);
    await host.destroy(id);
  });
});
