/** Guests of the benchmarks: where they are, how they are built. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { at, guestsFolder, which } from '../scripts/lib.mjs';
import { need } from './lib.mjs';

const out = at('.cache', 'bench');

/** Debian's kernel and initramfs as `npm run guests` made them, with the line that its init prints first; undefined where they are not there. */
export function debianGuest(flavour) {
  const kernel = join(guestsFolder, `debian-${flavour}`, 'vmlinuz');
  const initrd = join(guestsFolder, `debian-${flavour}`, 'initrd');
  return existsSync(kernel) && existsSync(initrd)
    ? { kernel, initrd, cmdline: 'console=ttyS0,115200', until: 'BOOT-OK' }
    : undefined;
}

/** The same; where it is not there, the program ends with a sentence. */
export function needDebian(flavour) {
  const guest = debianGuest(flavour);
  need(
    guest,
    `The Debian ${flavour} guest is not here: run \`npm run guests${flavour === 'amd64' ? ' -- --amd64' : ''}\` first.`,
  );
  return guest;
}

/** Why the wide program and BIOS images cannot be built here, or undefined. */
export function cannotBuild() {
  const missing = ['gcc', 'ld', 'bash', 'python3'].filter(program => !which(program));
  return missing.length ? `Building the benchmark guests needs ${missing.join(', ')}.` : undefined;
}

const FLAGS =
  '-m32 -march=i686 -mno-sse -O2 -ffreestanding -fno-pic -fno-pie -fcf-protection=none -fno-stack-protector -fno-asynchronous-unwind-tables';

/** A kernel (multiboot): `name:rounds …` on its command line names what runs, `name:rounds*times` again and again. */
export const microElf = at('guests', 'micro', 'micro.elf');

/** Rows of the micro benchmark, with the rounds of a first pilot run: a few hundredths of a second each on an interpreter. */
export const MICRO_PILOT = JSON.parse(readFileSync(at('guests', 'micro', 'rows.json'), 'utf8'));

/** A BIOS image with the rows that need a PC without a kernel; `rounds`: of each row of bench/guests/real.S. */
export function buildReal(rounds) {
  mkdirSync(out, { recursive: true });
  const [object, image] = [join(out, `real-${process.pid}.o`), join(out, `real-${process.pid}.bin`)];
  const defines = Object.entries(rounds).map(
    ([name, count]) => `-Wa,--defsym,rounds_${name}=${Math.min(65535, count)}`,
  );
  execFileSync('gcc', ['-m32', '-c', ...defines, at('bench', 'guests', 'real.S'), '-o', object], { stdio: 'pipe' });
  execFileSync(
    'ld',
    ['-m', 'elf_i386', '--oformat', 'binary', '-T', at('bench', 'guests', 'real.ld'), object, '-o', image],
    { stdio: 'pipe' },
  );
  return image;
}

/** wide.elf: `functions` distinct functions, `thousands` × 1000 calls, `repetitions` times. */
export function buildWide({ functions = 3000, thousands = 180, repetitions = 8 } = {}) {
  const elf = join(out, `wide-${functions}-${thousands}-${repetitions}.elf`);
  if (existsSync(elf)) return elf;
  mkdirSync(out, { recursive: true });
  const source = join(out, `wide-${functions}.c`);
  writeFileSync(
    source,
    execFileSync('python3', [at('bench', 'guests', 'genwide.py'), String(functions)], { maxBuffer: 64 << 20 }),
  );
  const defines = [`-DWIDE="${source}"`, `-DTHOUSANDS=${thousands}`, `-DREPETITIONS=${repetitions}`];
  const link = [
    '-nostdlib',
    '-static',
    '-no-pie',
    '-Wl,--build-id=none',
    '-Wl,-z,noexecstack',
    '-Wl,--no-warn-rwx-segments',
    '-Wl,-T',
    at('bench', 'guests', 'wide.ld'),
  ];
  execFileSync('gcc', [...FLAGS.split(' '), ...defines, at('bench', 'guests', 'wide.c'), ...link, '-o', elf], {
    stdio: 'pipe',
  });
  return elf;
}

/** Rows of bench/guests/widths.c, in its order, with rounds of some hundredths of a second on an interpreter. */
export const WIDTH_ROWS = { alu: 1, sieve: 4, fib: 4, mix: 2, copyloop: 10, sha256: 2, lz: 1, repmovs: 20 };

/** Those rows as code of `bits` bits: an image for address 0x100000, where it begins. 64 bits: as gcc sees x86-64, with SSE2. */
export function buildWidth(bits) {
  mkdirSync(out, { recursive: true });
  const image = join(out, `width-${bits}-${process.pid}.bin`);
  const target = bits === 32 ? ['-m32', '-march=i686', '-mfpmath=387', '-mno-sse'] : ['-m64', '-mno-red-zone'];
  const code =
    '-O2 -std=gnu11 -ffreestanding -fno-pic -fno-pie -fcf-protection=none -fno-stack-protector -fno-asynchronous-unwind-tables';
  const same = '-fno-tree-loop-distribute-patterns -fno-strict-aliasing -ffunction-sections -fdata-sections';
  const link = '-nostdlib -static -no-pie -Wl,--gc-sections -Wl,--build-id=none -Wl,--oformat,binary';
  const script = at('bench', 'guests', 'widths.ld');
  const words = `${code} ${same} ${link}`.split(' ');
  execFileSync('gcc', [...target, ...words, `-Wl,-T,${script}`, at('bench', 'guests', 'widths.c'), '-o', image], {
    stdio: 'pipe',
  });
  return image;
}
