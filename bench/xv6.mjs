/**
 * npm run -s bench:xv6 -- --image xv6.img --fs fs.img [--vcpus 1,2 --peers qemu --runs N --timeout S --command TEXT --until TEXT --json FILE --check]
 *
 * MIT's xv6 for the PC, as a class uses it: `usertests` to its end. Seconds from the shell's prompt to the last line at the serial port, of `ringside boot` and
 * of QEMU (TCG) alternately with each number of processors. Ringside's is typed at by its keyboard: xv6 leaves OUT2 of its UART clear, with which a PC's serial port
 * does not interrupt. Fetches nothing: the images are those that `make xv6.img fs.img` makes
 * from https://github.com/mit-pdos/xv6-public (newer compilers want its CFLAGS without -Werror). Neither image is written. Next to the seconds are those of processor
 * time, all threads together, where the host tells them (Linux): a busy host changes these less. --check: status 1 where one processor takes more than 1.5 of
 * QEMU's time.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildProgram } from '../scripts/build.mjs';
import { at } from '../scripts/lib.mjs';
import { median, need, options, qemu, short } from './lib.mjs';

const FLOOR = 1.5;
const MEMORY_MIB = 512;
/** What the shell shows where it waits for a line, which has no end. */
const PROMPT = '$ ';

const given = options({
  image: '',
  fs: '',
  vcpus: '1,2',
  peers: '',
  runs: 1,
  timeout: 590,
  command: 'usertests',
  until: 'ALL TESTS PASSED',
  json: '',
  check: false,
});
const { image, fs, runs, timeout, command, until, json, check } = given;
for (const [option, path] of Object.entries({ image, fs })) {
  need(
    path,
    `--${option} is missing: name ${option === 'image' ? 'xv6.img' : 'fs.img'}, which \`make xv6.img fs.img\` makes in a copy of xv6-public.`,
  );
  need(
    existsSync(path),
    `${path} is not there: --${option} names an image that \`make xv6.img fs.img\` makes in a copy of xv6-public.`,
  );
}
const counts = given.vcpus.split(',').map(Number);
need(
  counts.every(count => Number.isInteger(count) && count >= 1 && count <= 8),
  `--vcpus ${given.vcpus}: numbers of processors, 1 to 8, with commas between.`,
);
const peers = given.peers ? given.peers.split(',') : [];
need(
  peers.every(peer => peer === 'qemu'),
  `--peers ${given.peers}: the only peer is qemu.`,
);
need(!peers.length || qemu(), 'qemu-system-i386 is not installed (Debian: qemu-system-x86).');
await buildProgram('ringside');

const drive = (path, index) => ['-drive', `file=${path},index=${index},media=disk,format=raw,snapshot=on`];
/** What --script types: a key a letter. */
const script = `expect ${PROMPT}\nkey ${[...command].map(letter => (letter === ' ' ? 'space' : letter)).join(' ')} enter\nexpect ${until}\n`;
const programs = {
  ringside: (vcpus, stats, typed) => [
    process.execPath,
    [
      ...[at('bin', 'ringside.mjs'), 'boot', '--boot', 'c', '--disk', image, '--disk', fs],
      ...[
        '--memory',
        String(MEMORY_MIB),
        '--vcpus',
        String(vcpus),
        '--until',
        until,
        '--script',
        typed,
        '--stats',
        stats,
      ],
    ],
  ],
  qemu: vcpus => [
    qemu(),
    [
      '-accel',
      'tcg',
      '-display',
      'none',
      '-serial',
      'stdio',
      '-smp',
      String(vcpus),
      '-m',
      String(MEMORY_MIB),
      ...drive(fs, 1),
      ...drive(image, 0),
    ],
  ],
};

/** Ticks in a second of the times in /proc (USER_HZ, proc(5)). */
const USER_HZ = 100;
/** What a process has had of the processors, in seconds; NaN where nothing tells. */
function processorSeconds(pid) {
  const path = `/proc/${pid}/stat`;
  if (!existsSync(path)) return Number.NaN;
  // Behind the name, which may have spaces: utime and stime are fields 14 and 15.
  const fields = readFileSync(path, 'latin1')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / USER_HZ;
}

/** Seconds from the prompt to the line with `until`, and with ringside what the guest did meanwhile. */
function run(name, vcpus) {
  return new Promise(resolve => {
    const folder = mkdtempSync(join(tmpdir(), 'ringside-xv6-'));
    const stats = join(folder, 'stats.json');
    const typed = join(folder, 'script');
    writeFileSync(typed, script);
    const [program, words] = programs[name](vcpus, stats, typed);
    const child = spawn(program, words, { stdio: ['pipe', 'pipe', 'pipe'] });
    let shown = '';
    let errors = '';
    let began = 0;
    let seconds = Number.NaN;
    let busy = Number.NaN;
    const timer = setTimeout(() => child.kill('SIGKILL'), timeout * 1000);
    child.stderr.on('data', data => {
      errors = (errors + data).slice(-1000);
    });
    child.stdin.on('error', () => {});
    child.stdout.on('data', data => {
      shown = (shown + data.toString('latin1')).slice(-4000);
      if (began === 0 && shown.includes(PROMPT)) {
        began = performance.now();
        busy = processorSeconds(child.pid);
        if (name === 'qemu') child.stdin.write(`${command}\n`);
      }
      if (!Number.isNaN(seconds) || !shown.includes(until)) return;
      seconds = (performance.now() - began) / 1000;
      busy = processorSeconds(child.pid) - busy;
      if (name === 'qemu') child.kill('SIGKILL');
    });
    child.on('close', () => {
      clearTimeout(timer);
      need(
        !Number.isNaN(seconds),
        `${name} with ${vcpus} processors did not show "${until}" in ${timeout} s:\n${shown.slice(-500)}\n${errors}`,
      );
      resolve({ seconds, busy, stats: existsSync(stats) ? JSON.parse(readFileSync(stats, 'utf8')) : undefined });
      rmSync(folder, { recursive: true, force: true });
    });
  });
}

const names = ['ringside', ...peers];
const rows = counts.map(vcpus => ({
  vcpus,
  seconds: Object.fromEntries(names.map(name => [name, []])),
  busy: Object.fromEntries(names.map(name => [name, []])),
  stats: undefined,
}));
for (let turn = 1; turn <= runs; turn++)
  for (const row of rows)
    for (const name of names) {
      const { seconds, busy, stats } = await run(name, row.vcpus);
      row.seconds[name].push(seconds);
      row.busy[name].push(busy);
      row.stats = stats ?? row.stats;
      console.error(
        `run ${turn}, ${row.vcpus} processors, ${name}: ${seconds.toFixed(1)} s, ${busy.toFixed(1)} s of the processors`,
      );
    }

console.log(
  `\n${command} of xv6, seconds to "${until}", medians of ${runs} (node ${process.version}, ${cpus().length} processors, ${cpus()[0].model})`,
);
console.log(
  `| processors | ${names.join(' | ')} | ${names.map(name => `${name}, processor time`).join(' | ')} | ${peers.map(peer => `ringside / ${peer} | `).join('')}million instructions | exits | reads of APICs without one |`,
);
console.log(`| ---: |${' ---: |'.repeat(2 * names.length + peers.length + 3)}`);
const figures = rows.map(({ vcpus, seconds, busy, stats }) => ({
  vcpus,
  seconds,
  busy,
  ratio: Object.fromEntries(peers.map(peer => [peer, median(seconds.ringside) / median(seconds[peer])])),
  stats,
}));
for (const { vcpus, seconds, busy, ratio, stats } of figures)
  console.log(
    `| ${vcpus} | ${[seconds, busy].flatMap(those => names.map(name => short(median(those[name])))).join(' | ')} | ${peers.map(peer => `${short(ratio[peer])} | `).join('')}${short(stats.instructions / 1e6)} | ${stats.exits} | ${stats.apicReads} |`,
  );
if (json)
  writeFileSync(
    json,
    `${JSON.stringify({ date: new Date().toISOString().slice(0, 10), command, runs, figures }, null, 1)}\n`,
  );
if (check && figures.some(({ vcpus, ratio }) => vcpus === 1 && ratio.qemu > FLOOR)) process.exitCode = 1;
