/**
 * npm run -s judge:gdb -- [--xv6 DIR] [--linux] [--seconds S]
 *
 * Debian's gdb, with symbols, at kernels that nobody adapted. DIR is a copy of https://github.com/mit-pdos/xv6-public in which `make kernel xv6.img fs.img` was
 * run (newer compilers want its CFLAGS without -Werror). In virtual time: points at functions, a system call's entry and its frames, a watchpoint and the way
 * back to the last write. With two processors: both are threads, and both come to the scheduler. With --linux: Debian's kernels, which `npm run guests` and
 * `npm run guests -- --amd64` have fetched, entered where they are unpacked (PVH), by the names that they have in themselves (`ringside symbols`). Each gdb has
 * S seconds (300).
 */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { programModule } from './build.mjs';
import { start, until } from './killable.mjs';
import { judgements } from './lib.mjs';
import { ensurePrograms } from './setup.mjs';
import { explain } from './usage.mjs';

explain(import.meta.url);

const { values } = parseArgs({
  options: { xv6: { type: 'string' }, linux: { type: 'boolean' }, seconds: { type: 'string', default: '300' } },
});
const wanted = ['kernel', 'xv6.img', 'fs.img'];
const guests = { 'debian-686-pae': 32, 'debian-amd64': 64 };
const guest = name => new URL(`../.cache/guests/${name}/`, import.meta.url).pathname;
const missing = [
  ...(values.xv6 === undefined ? [] : wanted)
    .filter(name => !existsSync(join(values.xv6, name)))
    .map(name => `${join(values.xv6, name)} is not there: \`make kernel xv6.img fs.img\` makes it.`),
  ...(values.linux ? Object.keys(guests) : [])
    .filter(name => !existsSync(join(guest(name), 'vmlinuz')))
    .map(name => `${name} is not there: \`npm run guests\`, and with \`-- --amd64\`, fetch it.`),
  ...(values.xv6 === undefined && !values.linux
    ? ['name a copy of xv6-public in which `make kernel xv6.img fs.img` was run (--xv6 DIR), or write --linux.']
    : []),
].join('\n');
const seconds = Number(values.seconds);
if (missing || !(seconds > 0)) {
  process.stderr.write(`judge:gdb: ${missing || `--seconds ${values.seconds}: write a number.`}\n`);
  process.exit(2);
}
const why = await ensurePrograms({ gdb: 'gdb' });
if (why) {
  process.stderr.write(`judge:gdb: ${why}\n`);
  process.exit(1);
}
const [kernel, image, fs] = wanted.map(name => join(values.xv6 ?? '', name));
/** xv6 takes what lies below 224 MiB, and looks whether there is so much nowhere. */
const MEMORY_MIB = '512';

const RINGSIDE = new URL('../bin/ringside.mjs', import.meta.url).pathname;
const { judge, end } = judgements();
const XV6 = ['--boot', 'c', '--disk', image, '--disk', fs, '--memory', MEMORY_MIB];
/** What gdb, with the symbols of `kernel`, answers to each command must match. */
async function debug(title, kernel, argv, commands) {
  const host = start('boot', '--gdb', '0', ...argv);
  try {
    await until(
      () => /target remote (\S+)/.test(host.seen.err),
      () => host.seen.err,
    );
    const all = [
      ...['set pagination off', 'set confirm off', 'set remotetimeout 60', `file ${kernel}`],
      `target remote ${/target remote (\S+)/.exec(host.seen.err)[1]}`,
      ...commands.flatMap(([command]) => ['echo \\n==\\n', command]),
    ];
    const gdb = spawn('gdb', ['-nx', '-q', '-batch', ...all.flatMap(each => ['-ex', each])], { stdio: 'pipe' });
    let out = '';
    for (const stream of [gdb.stdout, gdb.stderr]) stream.on('data', data => (out += data));
    const timer = setTimeout(() => gdb.kill('SIGKILL'), seconds * 1000);
    await new Promise(resolve => gdb.on('close', resolve));
    clearTimeout(timer);
    const answers = out.split('\n==\n').slice(1);
    for (const [i, [command, right]] of commands.entries()) {
      const holds = answers[i] !== undefined && (right === undefined || right.test(answers[i]));
      judge(`${title}: ${command}`, holds, answers[i]?.trim() ?? 'no answer');
    }
  } finally {
    await host.kill();
  }
}

async function xv6() {
  await debug(
    'one processor',
    kernel,
    [...XV6, '--virtual-time'],
    [
      ['hbreak exec', /exec\.c, line \d+/],
      ['continue', /exec \(path=0x\w+ "\/init", argv=0x\w+\) at exec\.c/],
      ['backtrace 3', /#0 +exec [^]*#1 +0x\w+ in sys_exec \(\) [^]*#2 +0x\w+ in syscall \(\) at syscall\.c/],
      ['finish', /sys_exec \(\) at sysfile\.c[^]*Value returned is \$\d+ = 0/],
      ['delete'],
      ['hbreak vector64', /vectors\.S/],
      ['continue', /vector64 \(\) at vectors\.S/],
      ['delete'],
      // The system call's way into the kernel: CS of ring 0, and its number's vector on the stack.
      ['stepi', /pushl +\$64/],
      ['stepi', /jmp +alltraps/],
      ['print *(int*)$esp', /= 64\s*$/],
      ['print $cs', /= 8\s*$/],
      ['monitor exits', /Exits of vCPU 0:[^]*IO\b/],
      ['watch ticks', /watchpoint/],
      ['continue', /Old value = (\d+)\s+New value = \d+\s+trap /],
      ['stepi'],
      ['print $now = ticks', /= \d+/],
      ['reverse-continue', /Old value = \d+\s+New value = \d+\s+trap [^]*ticks\+\+/],
      ['print ticks == $now - 1', /= 1\s*$/],
      ['reverse-continue', /Old value = \d+\s+New value = \d+\s+trap [^]*ticks\+\+/],
      ['print ticks == $now - 2', /= 1\s*$/],
      ['detach', /detached/],
    ],
  );
  await debug(
    'two processors',
    kernel,
    [...XV6, '--virtual-time', '--vcpus', '2'],
    [
      ['hbreak mpenter', /main\.c/],
      ['continue', /Thread 2 [^]*mpenter \(\) at main\.c/],
      ['info threads', /Thread 1 \(vCPU 0 [^]*Thread 2 \(vCPU 1 /],
      [
        'thread apply all print $pc',
        /Thread 1 [^]*startothers[^]*Thread 2 [^]*mpenter|Thread 2 [^]*mpenter[^]*Thread 1 /,
      ],
      ['delete'],
      ['hbreak scheduler', /proc\.c/],
      ['continue', /scheduler \(\) at proc\.c/],
      ['print $first = $_thread', /= [12]\s*$/],
      ['continue', /scheduler \(\) at proc\.c/],
      ['print $_thread == 3 - $first', /= 1\s*$/],
      ['print ncpu', /= 2\s*$/],
      ['detach', /detached/],
    ],
  );
}

/** Of 32 bits with frame pointers, so that all frames are found; of 64 bits with its variables among its names. */
async function linux(name, bits) {
  const folder = mkdtempSync(join(tmpdir(), 'ringside-symbols-'));
  const elf = join(folder, 'vmlinux');
  const machine = ['--type', 'pvh', '--memory', '128', '--kernel', join(guest(name), 'vmlinuz')];
  try {
    execFileSync(process.execPath, [RINGSIDE, 'symbols', join(guest(name), 'vmlinuz'), '-o', elf]);
    await debug(
      name,
      elf,
      [...machine, '--initrd', join(guest(name), 'initrd'), '--cmdline', 'console=hvc0'],
      [
        ['hbreak start_kernel', /Hardware assisted breakpoint 1 at 0x\w+/],
        ['continue', /Breakpoint 1, 0x\w+ in start_kernel \(\)/],
        ['delete'],
        ['hbreak setup_arch', /Hardware assisted breakpoint 2/],
        ['continue', /Breakpoint 2, 0x\w+ in setup_arch \(\)/],
        ['backtrace 2', /#0 [^]* in setup_arch \(\)\s+#1 [^]* in start_kernel \(\)/],
        ['stepi', / in \w+ \(\)/],
        ['stepi', / in \w+ \(\)/],
        // Variables are named by the kernel of 64 bits alone; before the first tick it is five minutes to the counter's turn.
        ...(bits === 32
          ? []
          : [
              ['x/s (char*)&linux_banner', /"Linux version 6\./],
              ['print *(unsigned long *)&jiffies_64 == (unsigned int)(-300 * 250)', /= 1\s*$/],
            ]),
        ['delete'],
        ['detach', /detached/],
      ],
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

await programModule('ringside');
if (values.xv6 !== undefined) await xv6();
if (values.linux) for (const [name, bits] of Object.entries(guests)) await linux(name, bits);
end();
