/**
 * npm run -s judge:gdb -- --xv6 DIR [--seconds S]
 *
 * Debian's gdb, with its symbols and lines, at MIT's xv6, which nobody adapted. DIR is a copy of https://github.com/mit-pdos/xv6-public in which
 * `make kernel xv6.img fs.img` was run (newer compilers want its CFLAGS without -Werror). In virtual time: points at functions, a system call's entry and its
 * frames, a watchpoint and the way back to the last write. With two processors: both are threads, and both come to the scheduler. Each gdb has S seconds (300).
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { programModule } from './build.mjs';
import { start, until } from './killable.mjs';
import { judgements } from './lib.mjs';
import { ensurePrograms } from './setup.mjs';

const { values } = parseArgs({ options: { xv6: { type: 'string' }, seconds: { type: 'string', default: '300' } } });
const wanted = ['kernel', 'xv6.img', 'fs.img'];
const missing =
  values.xv6 === undefined
    ? '--xv6 is missing: name a copy of xv6-public in which `make kernel xv6.img fs.img` was run.'
    : wanted
        .filter(name => !existsSync(join(values.xv6, name)))
        .map(name => `${join(values.xv6, name)} is not there: \`make kernel xv6.img fs.img\` makes it.`)
        .join('\n');
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
const [kernel, image, fs] = wanted.map(name => join(values.xv6, name));
/** xv6 takes what lies below 224 MiB, and looks whether there is so much nowhere. */
const MEMORY_MIB = '512';

const { judge, end } = judgements();
/** What gdb answers to each command must match. */
async function debug(title, argv, commands) {
  const host = start(
    ...['boot', '--boot', 'c', '--disk', image, '--disk', fs, '--memory', MEMORY_MIB, '--gdb', '0', ...argv],
  );
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

await programModule('ringside');
await debug(
  'one processor',
  ['--virtual-time'],
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
  ['--virtual-time', '--vcpus', '2'],
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
end();
