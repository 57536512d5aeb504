/** Paging: SDM vol. 3, chapter 4. */
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { ExitReason } from './edge.ts';
import { ALLOWED, PageWalk } from './paging.ts';
import { CPL, CR0, CR2, CR3, CR4, EAX, EBX, ECX, EFER, EIP, ESP, GDTR_BASE, PDPTE, STATE_WORDS } from './registers.ts';
import { d } from '../test-support/asm.ts';
import { Bench, CODE, DIRECTORY, FREE, FRAMES, GDT, TABLES } from '../test-support/bench.ts';

const bench = new Bench();
const { R } = bench;
const walk = new PageWalk(R, bench.words, bench.p2m);
const WP = 0x10000,
  SMEP = 1 << 20,
  SMAP = 1 << 21,
  AC = 0x40000,
  NXE = 0x800;
/** A page that only the tests use. */
const PAGE = 0x30000;

/** What SDM vol. 3, 4.6.1 promises for an access; the error code of 4.7, or -1 if it is allowed. */
function promised(
  access: 'read' | 'write' | 'fetch',
  user: boolean,
  rights: number,
  nx: boolean,
  wp: boolean,
  smep: boolean,
  smap: boolean,
  ac: boolean,
  nxe: boolean,
): number {
  const present = (rights & 1) !== 0,
    writable = (rights & 2) !== 0,
    userPage = (rights & 4) !== 0;
  const code = (access === 'write' ? 2 : 0) | (user ? 4 : 0) | (access === 'fetch' && (nxe || smep) ? 16 : 0);
  if (!present) return code;
  let allowed: boolean;
  if (user) allowed = userPage && (access !== 'write' || writable);
  else if (access === 'fetch') allowed = !(smep && userPage);
  else allowed = (access === 'read' || writable || !wp) && !(userPage && smap && !ac);
  if (access === 'fetch' && nx && nxe) allowed = false;
  return allowed ? -1 : code | 1;
}

/** Does one access to PAGE; -1 or the error code. */
function attempt(access: 'read' | 'write' | 'fetch', user: boolean): number {
  R[EBX] = PAGE;
  bench.put(PAGE, 'nop; int3');
  bench.idtGate(3, 8, 0x6018, 0xee);
  bench.code(access === 'read' ? 'mov eax, [ebx]; int3' : access === 'write' ? 'mov [ebx], al; int3' : 'jmp ebx');
  const { vector, error, eip } = bench.event();
  if (vector === 3) return -1;
  expect([vector, R[CR2], eip]).toEqual([14, PAGE, access === 'fetch' ? PAGE : CODE]);
  expect(user).toBe((error! & 4) !== 0);
  return error!;
}

describe('access rights and error codes (4.6.1, 4.7), every combination', () => {
  for (const pae of [false, true]) {
    it(pae ? 'PAE with and without NX' : '32-bit', () => {
      for (const user of [false, true])
        for (let bits = 0; bits < (pae ? 128 : 32); bits++) {
          const [wp, smep, smap, ac, nxe, nx] = [1, 2, 4, 8, 32, 64].map(b => (bits & b) !== 0) as [
            boolean,
            boolean,
            boolean,
            boolean,
            boolean,
            boolean,
          ];
          // Bit 4: the right is missing in the directory, not in the table.
          const upper = (bits & 16) !== 0;
          if (nx && !nxe) continue;
          for (let rights = 0; rights < 8; rights++) {
            for (const access of ['read', 'write', 'fetch'] as const) {
              bench.protectedMode(user ? 3 : 0);
              bench.setWord(TABLES - 4, 0);
              if (pae) bench.pagingPae(user ? 7 : 3);
              else bench.paging32(user ? 7 : 3);
              // Tables and handlers are the supervisor's.
              const size = pae ? 8 : 4;
              for (const page of [1, 2, 3, 4, 5, 6, 8]) bench.setWord(TABLES + page * size, (page << 12) | 3);
              const entry = upper && (rights & 1) !== 0 ? 7 : rights;
              bench.setWord(TABLES + (PAGE >> 12) * size, PAGE | entry);
              if (pae && nx) bench.setWord(TABLES + (PAGE >> 12) * size + 4, -0x80000000);
              if (upper && (rights & 1) !== 0) continue;
              R[CR0] = (R[CR0]! & ~WP) | (wp ? WP : 0);
              R[CR4] = R[CR4]! | (smep ? SMEP : 0) | (smap ? SMAP : 0);
              R[EFER] = nxe ? NXE : 0;
              bench.cpu.eflags = 2 | (ac ? AC : 0);
              bench.cpu.reload();
              const want = promised(access, user, rights, nx, wp, smep, smap, ac, pae && nxe);
              expect(walk.access(PAGE, access === 'write', access === 'fetch', user, false)).toBe(want);
              const got = attempt(access, user);
              if (got !== want)
                expect({ user, rights, access, wp, smep, smap, ac, nxe, nx, error: got }).toEqual({
                  user,
                  rights,
                  access,
                  wp,
                  smep,
                  smap,
                  ac,
                  nxe,
                  nx,
                  error: want,
                });
            }
          }
        }
    });
  }

  it('rights are the AND of directory and table; XD their OR', () => {
    for (const [pde, pte, error] of [
      [5, 7, 7],
      [3, 7, 5],
      [7, 5, 7],
    ] as const) {
      bench.protectedMode(3).paging32();
      bench.setWord(DIRECTORY + 4, (TABLES + 0x5000) | pde);
      bench.setWord(TABLES + 0x5000, PAGE | pte);
      bench.code(error === 5 ? 'mov eax, [0x400000]' : 'mov [0x400000], eax');
      expect(bench.fault()).toEqual([14, error, 0]);
    }
    bench.protectedMode().pagingPae();
    R[EFER] = NXE;
    bench.setWord(DIRECTORY + 8, (TABLES + 0x5000) | 7);
    bench.setWord(DIRECTORY + 12, -0x80000000);
    bench.setWord(TABLES + 0x5000, PAGE | 7);
    bench.cpu.reload();
    bench.code('jmp 0x200000');
    expect(bench.event()).toMatchObject({ vector: 14, error: 0x11, eip: 0x200000 });
  });
});

describe('reserved bits (4.3, table 4-4; 4.4.1, 4.4.2)', () => {
  it('32-bit: bits 17 to 21 of a 4-MiB page, RSVD with P', () => {
    for (let bit = 13; bit < 22; bit++) {
      bench.protectedMode().paging32();
      R[CR4]! |= 16;
      bench.setWord(DIRECTORY + 4, 0x87 | (1 << bit));
      bench.cpu.reload();
      bench.code('mov eax, [0x400000]');
      // 13 to 16 are address bits 32 to 35: no memory is there.
      if (bit < 17) expect(bench.run()).toBe(ExitReason.EPT_VIOLATION);
      else expect(bench.fault()).toEqual([14, 9, 0]);
    }
  });

  it('without CR4.PSE bit 7 of a directory entry means nothing', () => {
    bench.protectedMode().paging32();
    bench.setWord(DIRECTORY, TABLES | 0x87);
    bench.cpu.reload();
    bench.code('nop');
    expect(bench.run()).toBe(ExitReason.HLT);
  });

  it('PAE: address bits beyond MAXPHYADDR; XD without EFER.NXE; bits 13 to 20 of a 2-MiB page', () => {
    for (const [at, low, high, error] of [
      [8, TABLES | 7, 0x10, 9],
      [8, TABLES | 7, -0x80000000, 9],
      [8, 0x2087, 0, 9],
      [8, 0x100087, 0, 9],
      [8, TABLES | 7, 0x40000000, 9],
    ] as const) {
      bench.protectedMode().pagingPae();
      bench.setWord(DIRECTORY + at, low);
      bench.setWord(DIRECTORY + at + 4, high);
      bench.cpu.reload();
      bench.code('mov eax, [0x200000]');
      expect(bench.fault()).toEqual([14, error, 0]);
    }
  });

  it('PDPTEs are loaded by MOV CR3; a reserved bit in a present one is #GP(0) and changes nothing', () => {
    for (const bits of [2, 4, 0x20, 0x40, 0x80, 0x100]) {
      bench.protectedMode().pagingPae();
      const cr3 = R[CR3];
      bench.setWord(0x28000, DIRECTORY | 1);
      bench.setWord(0x28008, 1 | bits);
      bench.setWord(0x28010, bits);
      bench.setWord(0x28018, 0);
      R[EAX] = 0x28000;
      bench.code('mov cr3, eax');
      expect(bench.fault()).toEqual([13, 0, 0]);
      expect(R[CR3]).toBe(cr3);
    }
  });

  it('a PDPTE changed in memory counts after the next MOV CR3 only', () => {
    bench.protectedMode().pagingPae();
    bench.setWord(R[CR3]!, 0);
    bench.code('nop; nop');
    expect(bench.run()).toBe(ExitReason.HLT);
  });
});

describe('accessed and dirty (4.8)', () => {
  beforeEach(() => {
    bench.protectedMode().paging32();
  });
  const entry = () => bench.word(TABLES + (PAGE >> 12) * 4) & 0x60;

  it('a read sets A in both levels, a write also D in the last', () => {
    bench.code(`mov eax, [${PAGE}]; hlt; mov [${PAGE}], eax`);
    bench.run();
    expect([entry(), bench.word(DIRECTORY) & 0x60]).toEqual([0x20, 0x20]);
    bench.cpu.skipInstruction();
    bench.run();
    expect([entry(), bench.word(DIRECTORY) & 0x60]).toEqual([0x60, 0x20]);
  });

  it('a write that faults sets no D; neither bit is set where the fault is of the page itself', () => {
    R[CR0]! |= WP;
    bench.setWord(TABLES + (PAGE >> 12) * 4, PAGE | 5);
    bench.code(`mov [${PAGE}], eax`);
    expect(bench.fault()).toEqual([14, 3, 0]);
    expect(entry() & 0x40).toBe(0);
  });

  it('a page read first is marked dirty by a later write', () => {
    bench.code(`mov eax, [${PAGE}]; mov [${PAGE}], eax`);
    bench.run();
    expect(entry()).toBe(0x60);
  });
});

describe('the TLB (4.10)', () => {
  beforeEach(() => {
    bench.protectedMode().paging32();
    bench.setWord(PAGE, 0x11111111);
    bench.setWord(PAGE + 0x1000, 0x22222222);
  });
  /** Reads PAGE, maps the next page there, does `flush`, reads again. */
  const after = (flush: (string | number[])[], bits = 7) => {
    const at = TABLES + (PAGE >> 12) * 4;
    bench.setWord(at, PAGE | bits);
    bench.code(`mov eax, [${PAGE}]; mov dword [${at}], ${(PAGE + 0x1000) | bits}`, ...flush, `mov eax, [${PAGE}]`);
    bench.run();
    return R[EAX]! >>> 0;
  };

  it('INVLPG drops the page (4.10.4.1)', () => expect(after([`invlpg [${PAGE + 0x123}]`])).toBe(0x22222222));
  it('MOV CR3 drops what is not global', () => {
    expect(after(['mov eax, cr3; mov cr3, eax'])).toBe(0x22222222);
    bench.protectedMode().paging32();
    R[CR4]! |= 0x80;
    expect(after(['mov eax, cr3; mov cr3, eax'], 0x107)).toBe(0x11111111);
  });
  it('INVLPG drops global pages too, and so does a change of CR4.PGE', () => {
    R[CR4]! |= 0x80;
    expect(after([`invlpg [${PAGE}]`], 0x107)).toBe(0x22222222);
    bench.protectedMode().paging32();
    R[CR4]! |= 0x80;
    expect(after(['mov eax, cr4; xor al, 0x80; mov cr4, eax'], 0x107)).toBe(0x22222222);
  });
  it('without CR4.PGE the G bit means nothing', () =>
    expect(after(['mov eax, cr3; mov cr3, eax'], 0x107)).toBe(0x22222222));
  it('INVLPG of any address in a large page drops all of it', () => {
    R[CR4]! |= 16;
    bench.setWord(DIRECTORY + 4, 0x87);
    // Read through the large page, point its entry elsewhere (a small table), invalidate at another address of it.
    bench.setWord(TABLES + 0x5000 + (PAGE >> 12) * 4, (PAGE + 0x1000) | 7);
    bench.code(
      `
        mov eax, [${0x400000 + PAGE}]; mov dword [${DIRECTORY + 4}], ${(TABLES + 0x5000) | 7}
        invlpg [0x7ff000]; mov eax, [${0x400000 + PAGE}]
      `,
    );
    bench.run();
    expect(R[EAX]).toBe(0x22222222);
  });
  it('a not-present entry is never cached: making it present needs no flush', () => {
    const at = TABLES + (PAGE >> 12) * 4;
    bench.setWord(at, 0);
    bench.idtGate(14, 8, CODE + 0x100, 0x8e);
    bench.put(CODE + 0x100, `mov dword [${at}], ${PAGE | 7}; add esp, 4; iret`);
    bench.code(`mov eax, [${PAGE}]`);
    bench.run();
    expect([R[EAX], R[EIP]]).toEqual([0x11111111, CODE + 5]);
  });
  it('CPL 3 does not profit from what the supervisor has cached', () => {
    bench.protectedMode(3).paging32();
    bench.setWord(TABLES + (PAGE >> 12) * 4, PAGE | 3);
    bench.cpu.reload();
    bench.level(0);
    bench.code(`mov eax, [${PAGE}]`);
    bench.run();
    bench.level(3);
    R[EIP] = CODE;
    expect(bench.fault()).toEqual([14, 5, 0]);
  });
});

describe('accesses that cross pages, fetches and implicit accesses', () => {
  it('a store that faults in its second page writes nothing; CR2 is the second page', () => {
    bench.protectedMode().paging32();
    bench.setWord(PAGE + 0xffc, 0);
    bench.setWord(TABLES + ((PAGE + 0x1000) >> 12) * 4, 0);
    bench.code(`mov [${PAGE + 0xffe}], eax`);
    R[EAX] = -1;
    expect(bench.fault()).toEqual([14, 2, 0]);
    expect([R[CR2], bench.word(PAGE + 0xffc)]).toEqual([PAGE + 0x1000, 0]);
  });

  it('an instruction that goes on in a missing page faults with CR2 at that page, EIP at its start', () => {
    bench.protectedMode().paging32();
    bench.put(PAGE + 0xffe, 'mov eax, 0');
    bench.setWord(TABLES + ((PAGE + 0x1000) >> 12) * 4, 0);
    bench.code(`jmp ${PAGE + 0xffe}`);
    expect(bench.event()).toMatchObject({ vector: 14, error: 0, eip: PAGE + 0xffe });
    expect(R[CR2]).toBe(PAGE + 0x1000);
  });

  it('descriptor tables are read with supervisor rights at CPL 3, and fault without the U bit (4.6.1)', () => {
    bench.protectedMode(3).paging32();
    bench.setWord(TABLES + (GDT >> 12) * 4, GDT | 3);
    bench.descriptor(FREE, 0, 0xfffff, 0xf3, 12);
    R[EAX] = FREE | 3;
    bench.code('mov ds, ax; mov eax, [0x700000]');
    bench.cpu.reload();
    expect(bench.fault()).toEqual([14, 4, 2]);
    bench.protectedMode(3).paging32();
    bench.setWord(TABLES + (GDT >> 12) * 4, 0);
    bench.setWord(TABLES + (0xd000 >> 12) * 4, GDT | 3);
    bench.cpu.reload();
    R[GDTR_BASE] = 0xd000;
    R[EAX] = FREE | 3;
    expect(bench.event()).toMatchObject({ vector: 14, error: 4 });
  });

  it('under SMAP implicit accesses fault on user pages whatever AC says (4.6.1)', () => {
    bench.protectedMode().paging32(3);
    R[CR4]! |= SMAP;
    bench.setWord(TABLES + 13 * 4, GDT | 7);
    R[GDTR_BASE] = 0xd000;
    R[EAX] = 0x10;
    bench.cpu.eflags = 2 | AC;
    bench.cpu.reload();
    bench.code('mov ds, ax');
    // The delivery reads the GDT too: no way out.
    expect(bench.run()).toBe(ExitReason.TRIPLE_FAULT);
  });

  it('a frame beyond memory is an EPT violation, not a fault', () => {
    bench.protectedMode().paging32();
    bench.setWord(TABLES + (PAGE >> 12) * 4, (FRAMES << 12) | 7);
    bench.code(`mov eax, [${PAGE + 4}]`);
    expect(bench.run()).toBe(ExitReason.EPT_VIOLATION);
    const { exit } = bench.cpu;
    expect([exit.guestLinear, exit.guestPhysical, exit.size, exit.qualification & 7]).toEqual([
      PAGE + 4,
      (FRAMES << 12) + 4,
      4,
      1,
    ]);
    expect([R[ECX], R[ESP]].length).toBe(2);
  });
});

describe('a walk without a processor', () => {
  /** PAGE and the page behind it lie in other machine frames than their guest frames say. */
  const MOVED = 0x50;
  beforeEach(() => {
    bench.protectedMode();
    bench.p2m[PAGE >> 12] = (MOVED << 12) | 7;
    return () => {
      bench.p2m[PAGE >> 12] = PAGE | 7;
    };
  });
  const machine = (MOVED << 12) | 0x123;

  it('shows the entries from linear to physical to machine, and changes none of them', () => {
    const unchanged = (look: () => unknown, want: object): void => {
      const before = bench.bytes.slice();
      expect(look()).toMatchObject(want);
      expect(Buffer.compare(bench.bytes, before)).toBe(0);
    };
    unchanged(() => walk.explain(PAGE + 0x123), {
      entries: [],
      error: ALLOWED,
      physical: PAGE + 0x123,
      secondStage: (MOVED << 12) | 7,
      machine,
    });
    bench.paging32(3);
    const pte = { level: 'PTE', physical: TABLES + (PAGE >> 12) * 4, low: PAGE | 3, high: 0 };
    unchanged(() => walk.explain(PAGE + 0x123, 'write'), {
      entries: [{ level: 'PDE', physical: DIRECTORY }, pte],
      error: ALLOWED,
      physical: PAGE + 0x123,
      machine,
    });
    // The right is looked at, not only the way: CPL 3 finds the same page and may not use it.
    unchanged(() => walk.explain(PAGE, 'read', true), { error: 5, physical: PAGE });
    R[CR4]! |= 16;
    bench.setWord(DIRECTORY + 4, 0x87);
    unchanged(() => walk.explain(0x400000 + PAGE + 0x123), {
      entries: [{ level: 'PDE', physical: DIRECTORY + 4, low: 0x87 }],
      physical: PAGE + 0x123,
      machine,
    });
    bench.protectedMode().pagingPae();
    unchanged(() => walk.explain(PAGE + 0x123), {
      entries: [
        { level: 'PDPTE', physical: -1, low: R[PDPTE] },
        { level: 'PDE' },
        { level: 'PTE', physical: TABLES + (PAGE >> 12) * 8 },
      ],
      error: ALLOWED,
      physical: PAGE + 0x123,
      machine,
    });
    bench.setWord(TABLES + (PAGE >> 12) * 8, 0);
    unchanged(() => walk.explain(PAGE, 'write'), { error: 2, physical: -1, secondStage: 0, machine: -1 });
    // No memory at that guest frame: the access is allowed, and leaves the guest.
    bench.setWord(TABLES + (PAGE >> 12) * 8, (FRAMES << 12) | 7);
    unchanged(() => walk.explain(PAGE), { error: ALLOWED, physical: FRAMES * 4096, secondStage: 0, machine: -1 });
  });

  it('agrees with what the processor does on tables of any content', () => {
    const entry = fc.tuple(
      fc.constantFrom(TABLES, PAGE, 0x500000, 0x87000, FRAMES << 12),
      fc.integer({ min: 0, max: 0x1ff }),
      fc.constantFrom(0, 0, 0, 0x10, -0x80000000),
    );
    const settings = fc.record({
      pae: fc.boolean(),
      pse: fc.boolean(),
      nxe: fc.boolean(),
      wp: fc.boolean(),
      user: fc.boolean(),
      write: fc.boolean(),
    });
    fc.assert(
      fc.property(
        entry,
        entry,
        settings,
        ([directory, directoryBits, directoryHigh], [page, bits, high], { pae, pse, nxe, wp, user, write }) => {
          bench.protectedMode(user ? 3 : 0);
          if (pae) bench.pagingPae(7);
          else bench.paging32(7);
          R[CR0] = (R[CR0]! & ~WP) | (wp ? WP : 0);
          R[CR4] = R[CR4]! | (pse ? 16 : 0);
          R[EFER] = nxe ? NXE : 0;
          const linear = 0x400000 + PAGE;
          const size = pae ? 8 : 4;
          bench.setWord(
            DIRECTORY + (pae ? 16 : 4),
            (directory === TABLES ? TABLES + 0x6000 : directory) | directoryBits,
          );
          bench.setWord(TABLES + 0x6000 + ((linear >> 12) & (pae ? 511 : 1023)) * size, page | bits);
          if (pae) {
            bench.setWord(DIRECTORY + 20, directoryHigh);
            bench.setWord(TABLES + 0x6000 + ((linear >> 12) & 511) * size + 4, high);
          }
          bench.cpu.reload();
          const said = walk.explain(linear, write ? 'write' : 'read', user);
          bench.idtGate(3, 8, 0x6018, 0xee);
          bench.code(write ? [0xa2] : [0xa0], d(linear), 'int3');
          if (said.error === ALLOWED && said.machine < 0) {
            expect([bench.run(), bench.cpu.exit.guestPhysical]).toEqual([ExitReason.EPT_VIOLATION, said.physical]);
            return;
          }
          const { vector, error } = bench.event();
          if (said.error === ALLOWED) expect(vector).toBe(3);
          else expect([vector, error, R[CR2]]).toEqual([14, said.error, linear]);
        },
      ),
      { numRuns: 2000, seed: 11 },
    );
  });

  it('ends on any words, with an address in memory or none', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer(), { minLength: 64, maxLength: 64 }),
        fc.array(fc.integer(), { minLength: 1, maxLength: 64 }),
        fc.integer(),
        (state, p2m, linear) => {
          const words = new Int32Array(STATE_WORDS);
          words.set(state.slice(0, 32));
          words.set(state.slice(32, 40), PDPTE);
          words[CPL] = state[40]!;
          const garbage = new PageWalk(words, bench.words, Int32Array.from(p2m));
          const { machine: at } = garbage.explain(linear);
          expect(at === -1 || (at >= 0 && at < bench.bytes.length)).toBe(true);
        },
      ),
      { numRuns: 2000, seed: 11 },
    );
  });
});
