/**
 * npm run -s soak:fsck -- [--kills N] [--page N] [--seed S]
 *
 * Debian writes to an ext4 on a volume of the host and syncs, and the host is killed by SIGKILL at a random moment; the next host takes the guest back to a
 * snapshot that was taken while it wrote, and is killed, too. Then its files go into a browser, where pages with such hosts are closed, and each fifth time
 * the browser is killed. After each kill e2fsck replays the file system's journal, as a start of the guest would, and must then find nothing to fix; what
 * the guest saw synced must be there. 100 kills in node and 20 of pages unless set. Needs npm run guests, e2fsprogs and Chromium (killable-page.mjs).
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { programModule } from './build.mjs';
import { drawFrom, sleep, start, until } from './killable.mjs';
import { at, withSbin } from './lib.mjs';
import { explain } from './usage.mjs';

explain(import.meta.url);

const { values } = parseArgs({
  options: { kills: { type: 'string' }, page: { type: 'string' }, seed: { type: 'string' } },
});
/** Of hosts in node, the first of which makes the snapshot, and of pages. */
const kills = { node: Number(values.kills ?? 100), page: Number(values.page ?? 20) };
const MOST_LIFE_MS = 2000;
const FOLDERS = 5,
  FILES = 40,
  MOST_BYTES = 60_000;
/** A folder is removed at step `at` of every `each`. */
const REMOVAL = { each: 7, at: 3, behind: 2 };
/** e2fsck(8): the file system is clean, or was fixed. */
const CLEAN = 0,
  MENDED = 1;
const VOLUME = '/dev/vg0/fs';

/** What the file of a number holds. */
const contentOf = n => String(n).padStart(((n * 7919) % MOST_BYTES) + 1, '0');
const pathOf = n => `/d${n % FOLDERS}/f${n % FILES}`;
const DEFINITION = `name = "fs"
type = "pvh"
memory = 96
kernel = "/boot/debian"
ramdisk = "/boot/debian-initrd"
cmdline = "console=hvc0 cryptomgr.notests mods=xen-blkfront,crc32c_generic,ext4"
disk = [ "phy:${VOLUME},xvda,w" ]
`;
/** For n = 1, 2, …: a file is written and moved into its place, sometimes a folder goes, n is written; `a-n` where all that is synced. */
const WRITER = [
  'n=0; while :; do n=$((n+1))',
  `d=/mnt/d$((n%${FOLDERS})); mkdir -p $d`,
  // By the shell itself: `yes | head -c` takes seconds of the guest's time.
  `printf "%0$((n*7919%${MOST_BYTES}+1))d" $n > $d/new; mv $d/new $d/f$((n%${FILES}))`,
  `[ $((n%${REMOVAL.each})) = ${REMOVAL.at} ] && rm -rf /mnt/d$(((n+${REMOVAL.behind})%${FOLDERS}))`,
  'echo $n > /mnt/n; sync; echo a-$n; done',
].join('; ');

const folder = mkdtempSync(join(tmpdir(), 'ringside-fsck-'));
const state = join(folder, 'state'),
  pageState = join(folder, 'page'),
  image = join(folder, 'fs.img');
const seed = Number(values.seed ?? Date.now() % 1e6);
process.stdout.write(`seed ${seed}\n`);
const random = drawFrom(seed);
const tool = (name, ...args) => spawnSync(name, args, { env: withSbin });
const acknowledged = text => Math.max(0, ...[...text.matchAll(/a-(\d+)\r/g)].map(([, n]) => Number(n)));

/** A new host with the file system on a volume, whose guest is kept in a snapshot; it is killed, too. */
async function begin(guests) {
  execFileSync('mke2fs', ['-q', '-t', 'ext4', image, '24m'], { env: withSbin });
  for (const command of [
    ['lvcreate', '-L', '24M', '-n', 'fs', 'vg0'],
    ['dd', `if=${image}`, `of=${VOLUME}`],
  ]) {
    const { ended, seen } = start('storage', '--state', state, ...command);
    if ((await ended) !== 0) throw new Error(`${command.join(' ')}: ${seen.err}`);
  }
  const definition = join(folder, 'fs.cfg');
  writeFileSync(definition, DEFINITION);
  const files = [
    `${join(guests, 'vmlinuz')}:/boot/debian`,
    `${join(guests, 'initrd-modules')}:/boot/debian-initrd`,
    `${definition}:/etc/xen/vm/fs`,
  ];
  const { child, seen, kill } = start('sh', '--state', state, ...files.flatMap(file => ['--file', file]));
  const told = () => `it does not come up: ${seen.out.slice(-2000)}${seen.err}`;
  child.stdin.write('xl create -c /etc/xen/vm/fs\n');
  await until(() => /INIT-DONE[\s\S]*\/ # /.test(seen.out), told);
  child.stdin.write(`dmesg -n 1; mount -t ext4 /dev/xvda /mnt && ${WRITER}\n`);
  await until(() => acknowledged(seen.out) > 5, told);
  child.stdin.write('\x1d');
  await sleep(500);
  child.stdin.write('xl snapshot fs one\n');
  await until(() => seen.out.includes('Snapshot one of fs created'), told);
  child.stdin.write('xl console fs\n');
  await sleep(random(MOST_LIFE_MS));
  const known = acknowledged(seen.out);
  await kill();
  return { known, synced: known };
}

/** A host in node, as `killAgain` wants it. */
function nodeHost() {
  const { child, seen, kill } = start('sh', '--state', state);
  return { type: line => child.stdin.write(`${line}\n`), text: () => seen.out, kill };
}

/** The same in a page, whose files `pageState` has after the kill. */
async function pageHost(pages) {
  const host = await pages.open();
  return {
    type: line => host.type(line),
    text: async () => (await host.seen()).text,
    kill: async () => {
      await pages.kill(host);
      await pages.copyOut(pageState);
    },
  };
}

/** Has a host go on from the snapshot, and kills it; which number was synced last, and how many were since the snapshot. */
async function killAgain({ type, text, kill }) {
  await type('xl revert fs one');
  await type('xl console fs');
  const last = async () => acknowledged(await text());
  const told = async () => `nothing was synced: ${(await text()).slice(-2000)}`;
  await until(async () => (await last()) > 0, told);
  // What the console showed before the snapshot is shown again: the guest itself has synced when a later one comes.
  const shown = await last();
  await until(async () => (await last()) > shown, told);
  await sleep(random(MOST_LIFE_MS));
  const known = await last();
  await kill();
  return { known, synced: known - shown };
}

/** What is wrong with what a kill left; undefined: nothing. */
function problemOf(known) {
  const replayed = tool('e2fsck', '-p', image);
  if (![CLEAN, MENDED].includes(replayed.status))
    return `e2fsck -p has status ${replayed.status}: ${replayed.stdout}${replayed.stderr}`;
  const checked = tool('e2fsck', '-fn', image);
  if (checked.status !== CLEAN) return `e2fsck -fn has status ${checked.status}: ${checked.stdout}${checked.stderr}`;
  const last = Number(tool('debugfs', '-R', 'cat /n', image).stdout);
  if (!(last >= known)) return `the last number there is ${last}, and ${known} was synced`;
  // What came after it may have removed the folder, or be in the file.
  for (let n = known + 1; n <= last + 1; n++)
    if (
      n % FILES === known % FILES ||
      (n % REMOVAL.each === REMOVAL.at && (n + REMOVAL.behind) % FOLDERS === known % FOLDERS)
    )
      return undefined;
  const is = tool('debugfs', '-R', `cat ${pathOf(known)}`, image).stdout;
  const must = Buffer.from(contentOf(known));
  return is.equals(must)
    ? undefined
    : `${pathOf(known)} has ${is.length} bytes that are not the ${must.length} of ${known}`;
}

const guests = at('.cache', 'guests', 'debian-686-pae');
const { exportVolume } = await import(pathToFileURL(await programModule('soak-storage')));
await programModule('ringside');
let synced = 0;

/** @throws Error where something that was acknowledged is missing, or the file system is not as it should be */
async function check(what, directory, last) {
  await exportVolume(directory, VOLUME, image);
  const problem = problemOf(last.known);
  if (problem !== undefined) throw new Error(`${what}: ${problem}. Its files are in ${folder}.`);
  synced += last.synced;
  const seconds = ((performance.now() - beganMs) / 1000).toFixed(0);
  process.stdout.write(`${what}: ${last.known} was synced and is there, and e2fsck finds nothing (${seconds} s)\n`);
}

const beganMs = performance.now();
try {
  await check('kill 1', state, await begin(guests));
  for (let number = 2; number <= kills.node; number++)
    await check(`kill ${number}`, state, await killAgain(nodeHost()));
  if (kills.page > 0) {
    const { KillablePages } = await import('./killable-page.mjs');
    const pages = await KillablePages.begin(folder);
    try {
      await pages.copyIn(state);
      for (let number = 1; number <= kills.page; number++)
        await check(`page ${number}`, pageState, await killAgain(await pageHost(pages)));
    } finally {
      await pages.close();
    }
  }
  process.stdout.write(
    `${kills.node} kills in node, ${kills.page} of pages: ${synced} syncs were acknowledged, none is missing; each time the file system was clean once its journal was replayed\n`,
  );
  rmSync(folder, { recursive: true, force: true });
  process.exit(0);
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
