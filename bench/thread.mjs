/**
 * npm run -s bench:thread [-- --seconds N --busy N]: holds what a domain says it ran (src/hypervisor/domain/thread-time.ts) against what Linux says that its
 * thread had, alone and while programs run that want the processors, too. Linux only: /proc/PID/task/PID/stat has the true figure.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { at } from '../scripts/lib.mjs';
import { programModule } from '../scripts/build.mjs';
import { explain } from '../scripts/usage.mjs';

explain(import.meta.url);

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '10' },
    busy: { type: 'string', default: String(2 * availableParallelism()) },
  },
});
const seconds = Number(values.seconds);
/** Clock ticks a second in /proc (sysconf(_SC_CLK_TCK) on every Linux there is). */
const TICKS = 100;

/** Processor seconds of a process's first thread; the fields follow the name in parentheses (proc(5): utime and stime are the 14th and 15th of all). */
function threadSeconds(pid) {
  const fields = readFileSync(`/proc/${pid}/task/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** The demo guest counts for `ms`: what its thread had, and what it says. */
async function measure(ms) {
  const folder = mkdtempSync(join(tmpdir(), 'ringside-thread-'));
  try {
    const [script, stats] = ['script', 'stats.json'].map(name => join(folder, name));
    writeFileSync(script, `expect demo>\nsend spin ${Math.ceil(ms / 1000)}\\r\nwait ${ms}\n`);
    const started = performance.now();
    const child = spawn(
      process.execPath,
      [
        at('bin/ringside.mjs'),
        'boot',
        at('guests/demo/demo.cfg'),
        '--script',
        script,
        '--timeout',
        String(ms / 1000 + 5),
        '--stats',
        stats,
      ],
      { stdio: 'ignore' },
    );
    let had = 0;
    let alive = true;
    child.on('exit', () => (alive = false));
    while (alive) {
      try {
        had = threadSeconds(child.pid);
      } catch {
        break;
      }
      await sleep(20);
    }
    while (alive) await sleep(20);
    return {
      had,
      said: JSON.parse(readFileSync(stats, 'utf8')).runSeconds,
      wall: (performance.now() - started) / 1000,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

await programModule('ringside');
for (const busy of [0, Number(values.busy)]) {
  const others = Array.from({ length: busy }, () => spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }));
  try {
    // What the program itself takes to start is no part of what the guest ran.
    const [short, long] = [await measure(1000), await measure(seconds * 1000)];
    const had = long.had - short.had,
      said = long.said - short.said,
      wall = long.wall - short.wall;
    const percent = part => `${((100 * part) / wall).toFixed(1)} %`;
    console.log(
      `${String(busy).padStart(3)} other programs: the thread had ${percent(had)} of a processor, the domain says ${percent(said)}`,
    );
  } finally {
    for (const other of others) other.kill();
  }
}
