/**
 * npm run -s bench:network [-- --runs N --mib N --packets N --json FILE]
 *
 * Two guests on one bridge, each in a worker: TCP from the memory of one to that of the other, and `ping` as fast as answers come, with the drivers that
 * Debian's kernels have for the cards. Times are the host's, from the guests' lines on their consoles.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildProgram } from '../scripts/build.mjs';
import { cpioFile } from './cpio.mjs';
import { debianGuest, needDebian } from './guests.mjs';
import { median, need, options, short } from './lib.mjs';

const { runs, mib, packets, json } = options({ runs: 3, mib: 32, packets: 1000, json: '' });
const CARDS = [
  { card: 'pcnet', flavour: '686', type: 'hvm', module: 'pcnet32', vif: 'model=pcnet' },
  { card: 'e1000', flavour: '686', type: 'hvm', module: 'e1000', vif: 'model=e1000' },
  { card: 'netfront', flavour: '686-pae', type: 'pvh', module: 'xen-netfront', vif: '' },
];
for (const { flavour } of CARDS) needDebian(flavour);
await buildProgram('ringside');

/** What each guest does when its shell starts: the one with the first address asks, the other serves. */
const PROFILE = `ifconfig lo 127.0.0.1 up; ifconfig eth0 up
udhcpc -i eth0 -n -q >/dev/null 2>&1
me=$(ifconfig eth0 | sed -n 's/.*inet addr:\\([0-9.]*\\).*/\\1/p')
if [ "$me" = 10.0.2.16 ]; then
  while :; do nc -l -p 9 > /dev/null; done
fi
i=0; while [ $i -lt 60 ]; do ping -c 1 -W 1 10.0.2.16 >/dev/null 2>&1 && break; i=$((i+1)); done
for run in $(seq ${runs}); do
  sleep 1
  echo IO-BEGIN bulk; dd if=/dev/zero bs=64k count=${mib * 16} 2>/dev/null | nc 10.0.2.16 9; echo IO-END bulk
  echo IO-BEGIN small; ping -A -q -c ${packets} -s 56 10.0.2.16 | grep received; echo IO-END small
done
echo IO-DONE
`;

const folder = mkdtempSync(join(tmpdir(), 'ringside-network-'));
const program = fileURLToPath(new URL('../bin/ringside.mjs', import.meta.url));

/** Seconds of each measurement between two guests with such a card. */
async function measure({ card, flavour, type, module, vif }) {
  const guest = debianGuest(flavour);
  const base = readFileSync(`${guest.initrd}-modules`);
  const initrd = join(folder, `${card}.initrd`);
  writeFileSync(
    initrd,
    Buffer.concat([base, Buffer.alloc(-base.length & 3), cpioFile('etc/profile', PROFILE, 0o100644)]),
  );
  const files = ['one', 'two'].map(name => {
    const path = join(folder, `${card}-${name}.cfg`);
    const cmdline = `console=${type === 'pvh' ? 'hvc0' : 'ttyS0,115200'} cryptomgr.notests mods=${module}`;
    writeFileSync(
      path,
      `name = "${name}"\ntype = "${type}"\nmemory = 128\nkernel = "${guest.kernel}"\nramdisk = "${initrd}"\ncmdline = "${cmdline}"\nvif = ['${vif}']\n`,
    );
    return path;
  });
  const child = spawn(
    process.execPath,
    [program, 'boot', ...files, '--pcpus', '2', '--timeout', '900', '--until', 'IO-DONE'],
    {
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  );
  const seconds = { bulk: [], small: [] };
  let text = '',
    begin = 0;
  child.stdout.on('data', data => {
    const now = performance.now();
    text += data;
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n')) {
      const line = text.slice(0, at);
      text = text.slice(at + 1);
      const [, kind, name] = /IO-(BEGIN|END) (\w+)/.exec(line) ?? [];
      if (kind === 'BEGIN') begin = now;
      else if (kind === 'END') seconds[name].push((now - begin) / 1000);
      const [, sent, received] = /(\d+) packets transmitted, (\d+)/.exec(line) ?? [];
      if (sent && sent !== received) console.log(`${card}: ${line.trim()}`);
    }
  });
  const status = await new Promise(resolve => child.on('close', resolve));
  need(status === 0 && seconds.small.length === runs, `${card} did not finish: status ${status}`);
  return seconds;
}

try {
  const seconds = {};
  for (const kind of CARDS) {
    seconds[kind.card] = await measure(kind);
    console.log(`${kind.card} done`);
  }
  const rate = (card, name, amount) => amount / median(seconds[card][name]);
  console.log(`
Guest to guest, ${mib} MiB by TCP, ${packets} pings, median of ${runs} (node ${process.version}, ${cpus().length} processors)
| card | MiB/s | / pcnet | pings/s | / pcnet |
| --- | ---: | ---: | ---: | ---: |`);
  for (const { card } of CARDS) {
    const bulk = rate(card, 'bulk', mib),
      small = rate(card, 'small', packets);
    console.log(
      `| ${card} | ${short(bulk)} | ${short(bulk / rate('pcnet', 'bulk', mib))} | ${short(small)} | ${short(small / rate('pcnet', 'small', packets))} |`,
    );
  }
  if (json) writeFileSync(json, JSON.stringify({ mib, packets, seconds }, null, 1));
} finally {
  rmSync(folder, { recursive: true });
}
