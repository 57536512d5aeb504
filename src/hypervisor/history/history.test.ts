/** A guest that computes, writes its disk and its screen, takes interrupts and keys: wherever it goes in its past, it is as it was. */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { registers as R } from '../../cpu/architecture/index.ts';
import { MemoryDisk } from '../../formats/blocks/index.ts';
import { OverlayDisk } from '../disks/overlay-disk.ts';
import type { Domain } from '../domain/domain.ts';
import { interruptGate, ports, program, programDomain, startPics } from '../domain/program.test-support.ts';
import { momentOf } from '../domain/slice-again.ts';
import { doVerb, VERBS } from '../verbs/index.ts';
import { COUNTERS, SCREEN, SCREEN_BYTES } from '../layout/layout.ts';
import { History, type HistoryOptions } from './history.ts';
import { Versions } from './versions.ts';

const IDT = 0x1000,
  TICK = 0x800,
  KEY = 0x880,
  DATA = 0x180000;

/** Ticks 1000 times a second, writes where a generator of numbers says, in each 2000th round a sector and a character, and waits now and then. */
const BUSY = program(
  [
    `lidt [0x100700]; ${startPics(0xfc, 0xff)}`,
    ports([0x43, 0x34], [0x40, 1193 & 255], [0x40, 1193 >> 8]),
    'mov ebx, 12345; mov ebp, 0; sti',
    'again: imul ebx, ebx, 1664525; add ebx, 1013904223; mov edi, ebx; shr edi, 11; and edi, 0xffffc',
    `mov [edi + ${DATA + 0x10000}], ebx; inc ebp; mov eax, ebp; and eax, 2047; jnz again`,
    `mov dx, 0x1f2; mov al, 1; out dx, al; inc dx; mov eax, ebp; shr eax, 11; and al, 63; out dx, al`,
    'inc dx; mov al, 0; out dx, al; inc dx; out dx, al; inc dx; mov al, 0xe0; out dx, al; inc dx; mov al, 0x30; out dx, al',
    'drq: in al, dx; test al, 8; jz drq',
    `mov esi, ${DATA}; mov [esi], ebx; mov ecx, 256; mov dx, 0x1f0; again2: outsw; loop again2`,
    'mov edi, ebx; shr edi, 20; and edi, 0x7fe; mov [edi + 0xb8000], bx',
    'test ebp, 0x2000; jz again; hlt; jmp again',
  ],
  {
    0x700: [[0xff, 1, 0, 0x10, 0x10, 0]],
    [TICK]: [`push eax; inc dword [${DATA + 0x100}]; mov al, 0x20; out 0x20, al; pop eax; iret`],
    [KEY]: [
      `push eax; in al, 0x60; movzx eax, al; add [${DATA + 0x104}], eax; rol dword [${DATA + 0x104}], 3; mov al, 0x20; out 0x20, al; pop eax; iret`,
    ],
    [IDT + 0x20 * 8]: [interruptGate(TICK)],
    [IDT + 0x21 * 8]: [interruptGate(KEY)],
  },
);

interface Run {
  domain: Domain;
  disk: OverlayDisk;
  /** Of a generator of numbers, to let it wait for others now and then. */
  draw: () => number;
}

function start(): Run {
  const disk = new OverlayDisk(new MemoryDisk(new Uint8Array(64 * 512), { readOnly: true }));
  let seed = 1;
  const draw = (): number => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) / 0x80000000;
  const domain: Domain = programDomain(BUSY, {
    ide: [{ place: 0, kind: 'disk', disk }],
    company: { wanted: () => draw() < 0.05, horizonNs: () => domain.clock.nowNs() + 3e5 },
  });
  return { domain, disk, draw };
}

const KEYS = ['KeyA', 'KeyB', 'Enter'];
/** Slices of a run with keys now and then; `runs` runs one. */
function slices(
  { domain, draw }: Run,
  count: number,
  runs: () => void,
  ask: (code: string, down: boolean) => void,
): void {
  for (let i = 0; i < count; i++) {
    if (draw() < 0.2) ask(KEYS[i % 3]!, i % 2 === 0);
    runs();
  }
  expect(domain.ending).toBeNull();
}

/** Registers, memory, disk and screen. */
function print({ domain, disk }: Run): string {
  const { machine, record } = domain.options;
  const hash = createHash('sha256');
  const { regs } = domain.processor;
  hash.update(regs.subarray(R.EAX, R.EFLAGS + 1)).update(`${domain.processor.eflags}`);
  for (let mfn = 0; mfn < machine.frames; mfn++)
    if (machine.ownerOf(mfn) === record.id) hash.update(machine.bytes.subarray(mfn * 4096, (mfn + 1) * 4096));
  for (const { block, bytes } of disk.changes()) hash.update(`${block}`).update(bytes);
  const screen = new Int32Array(machine.memory, record.screenOffset, SCREEN_BYTES / 4);
  hash.update(screen.subarray(SCREEN.CURSOR, SCREEN.GENERATION)).update(screen.subarray(SCREEN.DATA));
  return hash.digest('hex');
}

const historyOf = (run: Run, options: Pick<HistoryOptions, 'room'> = {}): History => {
  const { domain } = run;
  const carried = { domain } as Parameters<typeof doVerb>[1];
  return new History(domain, {
    ...options,
    every: 100_000,
    doVerb: (name, given) => doVerb(VERBS, carried, name, given),
  });
};

const key = ({ domain }: Run, code: string, down: boolean): undefined => {
  domain.platform.keyboard.key(code, down);
};

describe('the past of a guest', () => {
  it('is as it was, wherever it goes, and so is what comes after', () => {
    const run = start();
    const history = historyOf(run);
    const seen: { instructions: number; ns: number; exits: number; print: string }[] = [];
    let lastNs = 0;
    slices(
      run,
      60,
      () => {
        history.runSlice();
        const at = history.now;
        // Two slices may end at one time, with a key between them.
        if (at.ns !== lastNs) seen.push({ ...at, print: print(run) });
        lastNs = at.ns;
      },
      (code, down) => history.asked('key', [code, down], () => key(run, code, down)),
    );
    const end = print(run);
    fc.assert(
      fc.property(fc.nat(seen.length - 2), fc.boolean(), (i, byExits) => {
        const { ns, exits, instructions, print: wanted } = seen[i]!;
        // On the way it may stop at an exit that a device answered within the run of the processor: that adds none.
        if (byExits) history.goTo({ exits: exits - 3 });
        history.goTo({ ns });
        expect(history.now).toEqual({ instructions, ns, exits });
        expect(print(run)).toBe(wanted);
      }),
      { numRuns: 25, seed: 1 },
    );
    history.toPresent();
    expect(print(run)).toBe(end);
    expect(history.isInPast).toBe(false);
  });

  it('is at each instruction as a run that stops there', () => {
    const run = start(),
      history = historyOf(run);
    slices(
      run,
      40,
      () => history.runSlice(),
      (code, down) => history.asked('key', [code, down], () => key(run, code, down)),
    );
    const { instructions: first } = history.oldest,
      { instructions: last } = history.newest;
    for (let n = 0; n < 3; n++) {
      const at = first + Math.floor(((last - first) * (2 * n + 1)) / 7);
      const straight = start();
      straight.domain.stopAtInstruction = at;
      const stopped = (): boolean => straight.domain.instructions >= at;
      // Its checkpoints are where the other's are.
      const other = historyOf(straight);
      slices(
        straight,
        40,
        () => stopped() || other.runSlice(),
        (code, down) => stopped() || other.asked('key', [code, down], () => key(straight, code, down)),
      );
      history.goTo({ instructions: at });
      // Who stops a run there adds an exit to it.
      expect(history.now).toMatchObject({ instructions: at, ns: momentOf(straight.domain).ns });
      expect(print(run)).toBe(print(straight));
      history.back({ instructions: 1 });
      expect(history.now.instructions).toBe(at - 1);
    }
  });

  it('goes back to before the last write of an address, and stays where there was none', () => {
    const run = start(),
      history = historyOf(run);
    slices(
      run,
      40,
      () => history.runSlice(),
      () => {},
    );
    const { machine, record } = run.domain.options;
    const ticks = (): number => machine.words[(machine.secondStage(record).mfn((DATA + 0x100) >>> 12) << 10) + 0x40]!;
    const now = ticks(),
      { ns } = history.now;
    const write = { kind: 'write', linear: DATA + 0x100, bytes: 4 } as const;
    expect(history.backTo([write])).toMatchObject({ point: write, value: now });
    expect(ticks()).toBe(now - 1);
    history.goTo({ instructions: history.now.instructions + 1 });
    expect(ticks()).toBe(now);
    expect(history.backTo([{ ...write, linear: 0x9000 }])).toBeUndefined();
    expect(history.now.ns).toBeLessThan(ns);
    expect(ticks()).toBe(now);
  });

  it('is there as far back as was told, also once the present is kept with it', () => {
    const run = start(),
      history = historyOf(run, { room: 2 ** 19 });
    let isShort = false;
    for (let i = 0; i < 12; i++) {
      slices(
        run,
        5,
        () => history.runSlice(),
        () => {},
      );
      const { oldest } = history;
      isShort ||= oldest.instructions > 0;
      history.goTo({ instructions: oldest.instructions + 1 });
      expect(history.now.instructions).toBe(oldest.instructions + 1);
      history.toPresent();
    }
    expect(isShort).toBe(true);
  });

  it('is stood in by a guest that is paused, whatever it did then', () => {
    const run = start(),
      { domain } = run,
      { machine, record } = domain.options,
      history = historyOf(run),
      state = (): string => String.fromCharCode(machine.words[record.countersOffset / 4 + COUNTERS.STATE]!);
    slices(
      run,
      40,
      () => history.runSlice(),
      () => {},
    );
    domain.pause();
    const { newest, oldest } = history;
    for (const part of [0.3, 0.6, 1]) {
      history.goTo({
        instructions: oldest.instructions + Math.floor(part * (newest.instructions - oldest.instructions)),
      });
      expect(state()).toBe('p');
    }
    history.toPresent();
    expect(state()).toBe('p');
  });

  it('is of one run, whether somebody looked at its screen or not', () => {
    const [alone, seen] = [false, true].map(looks => {
      const run = start(),
        { machine, record } = run.domain.options,
        screen = new Int32Array(machine.memory, record.screenOffset, SCREEN_BYTES / 4);
      slices(
        run,
        60,
        () => {
          run.domain.runSlice();
          if (looks) Atomics.add(screen, SCREEN.WANTED, 1);
        },
        () => {},
      );
      return momentOf(run.domain);
    });
    expect(seen).toEqual(alone);
  });

  it('is refused of a guest whose drive would not go back, which runs on as before', () => {
    const written = new MemoryDisk(new Uint8Array(64 * 512)),
      domain = programDomain(BUSY, { ide: [{ place: 0, kind: 'disk', disk: written }] });
    expect(() => new History(domain, { doVerb: () => {} })).toThrow('would not go back with it');
    expect(domain.processor.evenly).toBe(false);
  });

  it('goes on from where it is, and then has another future', () => {
    const run = start(),
      history = historyOf(run);
    const ask = (code: string, down: boolean): void => history.asked('key', [code, down], () => key(run, code, down));
    slices(run, 40, () => history.runSlice(), ask);
    const { ns } = history.now;
    history.back({ ns: 5e6 });
    const there = history.now,
      was = print(run);
    history.goOn();
    ask('KeyZ', true);
    slices(run, 20, () => history.runSlice(), ask);
    const then = print(run);
    history.goTo(there);
    expect(print(run)).toBe(was);
    history.toPresent();
    expect(print(run)).toBe(then);
    expect(ns - there.ns).toBeCloseTo(5e6, -3);
  });
});

describe('pieces that change', () => {
  it('are as they were at the moments that are kept', () => {
    const piece = (n: number): Uint8Array => Uint8Array.of(n);
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.nat(5), { maxLength: 4 }), { minLength: 3, maxLength: 12 }),
        fc.infiniteStream(fc.nat(100)),
        (writes, draws) => {
          const versions = new Versions(),
            states: (Uint8Array | undefined)[][] = [],
            now: (Uint8Array | undefined)[] = Array(6).fill(undefined);
          writes.forEach((numbers, moment) => {
            for (const number of new Set(numbers)) versions.put(moment, number, (now[number] = piece(moment)));
            states.push([...now]);
          });
          const kept = writes.map((_, moment) => moment);
          for (const draw of draws) {
            const i = draw % kept.length;
            if (kept.length < 3) break;
            if (i === 0) versions.forgetBefore(kept[1]!);
            else if (i < kept.length - 1) versions.forget(kept[i]!, kept[i + 1]!);
            else {
              versions.forgetAfter(kept[i - 1]!);
            }
            kept.splice(i, 1);
            const wrong = kept.flatMap(one => [
              ...now.flatMap((_, number) =>
                versions.at(one, number)?.[0] === states[one]![number]?.[0] ? [] : [`${number} at ${one}`],
              ),
              ...kept.flatMap(other =>
                now.flatMap((_, number) =>
                  states[one]![number] === states[other]![number] || versions.between(one, other).has(number)
                    ? []
                    : [`${number} between ${one} and ${other}`],
                ),
              ),
            ]);
            expect(wrong).toEqual([]);
          }
        },
      ),
      { numRuns: 20 },
    );
  });
});
