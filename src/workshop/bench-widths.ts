/** What bench/widths.mjs runs: rows of the micro benchmark as 32-bit and as 64-bit code on a processor without a machine and without compiled regions. */
import { readFileSync } from 'node:fs';
import { ExitReason, type Processor, registers as regs } from '../cpu/architecture/index.ts';
import { createProcessor, loadLevel } from '../cpu/index.ts';
import { median } from './harness/median.ts';
import { program } from './harness/program.ts';

interface Job {
  /** Files: 32-bit code, 64-bit code. */
  images: [string, string];
  rows: { name: string; number: number; pilot: number }[];
  /** Pairs, and milliseconds of one side of a pair. */
  runs: number;
  ms: number;
}

const MEMORY = 4 << 20,
  IMAGE = 0x100000,
  STACK = 0x380000,
  /** Page tables, of whichever width. */ TABLES = 0x1000;
const PRESENT = 7;

/** A processor that is about to enter flat code of this many bits, all memory mapped one to one by pages of 4 KiB. */
class Width {
  private readonly memory = new SharedArrayBuffer(MEMORY + regs.STATE_WORDS * 4);
  private readonly words = new Int32Array(this.memory);
  private readonly cpu: Processor;
  private readonly bits: 32 | 64;

  constructor(bits: 32 | 64, image: Uint8Array) {
    this.bits = bits;
    this.cpu = createProcessor({
      memory: this.memory,
      stateOffset: MEMORY,
      p2m: Int32Array.from({ length: MEMORY >> 12 }, (_, frame) => (frame << 12) | PRESENT),
      time: { tsc: retired => retired | 0, tscHigh: 0 },
      doorbell: -1,
      ...(bits === 64 && { cpuLevel: 'x86-64-v2' }),
    });
    new Uint8Array(this.memory).set(image, IMAGE);
    this.map();
    const { regs: R } = this.cpu;
    for (const segment of [regs.CS, regs.SS, regs.DS, regs.ES, regs.FS, regs.GS]) {
      const code = segment === regs.CS ? (bits === 64 ? 0xa09b : 0xc09b) : 0xc093;
      R.set([8, 0, -1, code], regs.SEG + segment * regs.SEG_WORDS);
    }
    R[regs.CR0] = 0x80010033 | 0;
    R[regs.CR3] = TABLES;
    // OSFXSR, and PAE; LMA, LME.
    R[regs.CR4] = bits === 64 ? 0x220 : 0x200;
    R[regs.EFER] = bits === 64 ? 0x500 : 0;
    this.cpu.reload();
  }

  private map(): void {
    const { words } = this;
    const at = TABLES >> 2;
    if (this.bits === 32) {
      words[at] = (TABLES + 0x1000) | PRESENT;
      for (let page = 0; page < 1024; page++) words[at + 1024 + page] = (page << 12) | PRESENT;
      return;
    }
    for (const level of [0, 1]) words[at + level * 1024] = (TABLES + (level + 1) * 0x1000) | PRESENT;
    for (const table of [0, 1]) words[at + 2048 + table * 2] = (TABLES + (table + 3) * 0x1000) | PRESENT;
    for (let page = 0; page < 1024; page++) words[at + 3072 + page * 2] = (page << 12) | PRESENT;
  }

  /** Runs rounds of a row. */
  run(row: number, rounds: number): { checksum: number; ms: number; instructions: number } {
    const { cpu, bits } = this,
      { regs: R } = cpu;
    R[bits === 64 ? regs.EDI : regs.EAX] = row;
    R[bits === 64 ? regs.ESI : regs.EDX] = rounds;
    R[regs.EIP] = IMAGE;
    R[regs.ESP] = STACK - bits / 8;
    cpu.reload();
    const before = cpu.retired,
      begun = process.cpuUsage();
    for (;;) {
      const reason = cpu.run(1e9);
      if (reason === ExitReason.HLT) break;
      if (reason !== ExitReason.PREEMPTION_TIMER)
        throw new Error(`${bits}-bit code left at ${R[regs.EIP]!.toString(16)}: exit ${reason}`);
    }
    const { user, system } = process.cpuUsage(begun);
    return { checksum: R[regs.EAX]! >>> 0, ms: (user + system) / 1000, instructions: cpu.retired - before };
  }
}

const mean = (values: readonly number[]): number =>
  Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);

/** The operand is a Job as JSON. */
export const main = program({
  name: 'bench:widths',
  operands: 'JOB',
  options: {},
  run: async (_none, write, [job]) => {
    const { images, rows, runs, ms } = JSON.parse(job!) as Job;
    await loadLevel('x86-64-v2');
    const widths = ([32, 64] as const).map((bits, i) => new Width(bits, readFileSync(images[i]!)));
    const ratios: number[] = [];
    for (const { name, number, pilot } of rows) {
      const rounds = widths.map(width => {
        // As long as what is measured: V8 compiles meanwhile.
        let count = pilot;
        for (let i = 0; i < 5; i++)
          count = Math.max(1, Math.round((count * ms) / Math.max(1, width.run(number, count).ms)));
        return count;
      });
      const shared = widths.map(width => width.run(number, pilot));
      if (shared[0]!.checksum !== shared[1]!.checksum)
        throw new Error(
          `${name}: the checksums are ${shared.map(({ checksum }) => checksum.toString(16)).join(' and ')}`,
        );
      const pairs = Array.from({ length: runs }, () =>
        widths.map((width, i) => {
          const { ms: time, instructions } = width.run(number, rounds[i]!);
          return { round: time / rounds[i]!, nanoseconds: (time * 1e6) / instructions };
        }),
      );
      const ratio = median(pairs.map(([narrow, wide]) => narrow!.round / wide!.round));
      ratios.push(ratio);
      const [narrow, wide] = [0, 1].map(i => median(pairs.map(pair => pair[i]!.nanoseconds)).toFixed(1));
      const more = (shared[1]!.instructions / shared[0]!.instructions).toFixed(2);
      write(
        `${name.padEnd(9)} ${ratio.toFixed(2)}   ${narrow} and ${wide} ns an instruction, ${more} times as many instructions\n`,
      );
    }
    write(`${'mean'.padEnd(9)} ${mean(ratios).toFixed(2)}\n`);
    return 0;
  },
});
