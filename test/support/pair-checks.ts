/** What a pair of Debian guests must show, whatever they find their disks and their cards by. */
import { expect } from 'vitest';
import type { Copy, DebianPair } from './debian-pair.ts';
import { KINDS } from './debian-root.ts';

const BROKEN = /Kernel panic|BUG:|Oops|I\/O error|EXT4-fs error|NETDEV WATCHDOG/;
const ALL_ANSWERED = '3 packets transmitted, 3 packets received, 0% packet loss';
const MIB = 2 ** 20;

/** Their devices are those of their kind, they reach each other, and what `a` sends over TCP is on the disk of `b`, read inside and outside. */
export async function reachAndCopy(guests: DebianPair, mib: number): Promise<Copy> {
  for (const name of ['a', 'b']) {
    const { disk, drivers } = KINDS[guests.kinds[name]];
    // The root, the only disk, and the only card are those of its kind.
    expect(await guests.ask(name, 'grep " / " /proc/mounts', 30)).toMatch(new RegExp(`/dev/${disk} / ext4 rw`));
    const devices = await guests.ask(
      name,
      'ls -1 /sys/block | grep -v loop; ls -1 /sys/class/net; for i in block/* net/eth0; do readlink -f /sys/class/$i/device/driver; done | sort -u',
      30,
    );
    expect(devices.split('\n').map(line => line.replace(/.*\//, ''))).toEqual([
      disk,
      'eth0',
      'lo',
      ...[drivers.disk, drivers.card].sort(),
    ]);
  }
  expect(new Set(Object.values(guests.addresses)).size).toBe(2);
  for (const [from, to] of ['ab', 'ba']) expect(await guests.ping(from, to)).toContain(ALL_ANSWERED);
  const copy = await guests.copy('a', 'b', mib);
  expect(copy.sums[1]).toBe(copy.sums[0]);
  const [inside, outside] = await guests.disk('b');
  expect(outside).toEqual(inside);
  expect(guests.host.output).not.toMatch(BROKEN);
  return copy;
}

/** What happened while one was saved, gone back to and cloned; seconds by the clock of who types at Domain 0. */
export interface Held {
  seconds: Record<'save' | 'restore' | 'snapshot' | 'revert' | 'clone', number>;
  /** Of the copy that was under way, MiB at its receiver when its sender was saved. */
  copiedMiB: number;
  /** Lines that the writer had written, each durable, and none missing. */
  lines: number;
  pings: { sent: number; lost: number };
}

/** This many pieces of a file are sent with a pause between them: the copy is under way for a while, however fast it is. */
const PIECES = 64;
/** Lines with numbers from 1 on, each durable before the next is written. */
const WRITER = 'i=0; while :; do i=$((i+1)); echo $i >> /log; sync; done';

/** How many numbered lines there are, and how many are not where they belong: of a disk as after a power cut the last may be broken off. */
async function logOf(guests: DebianPair, name: string, path = '/log'): Promise<{ lines: number; wrong: number }> {
  const [lines, wrong] = (await guests.ask(name, `awk '$0 != NR { wrong++ } END { print NR, wrong + 0 }' ${path}`, 60))
    .split(' ')
    .map(Number);
  return { lines, wrong };
}

/**
 * `a` writes, pings and sends a file of `mib` MiB all the while, whatever happens to it. It is saved and restored in the middle of the copy, taken back to a
 * snapshot, and cloned. `thorough`: the clone is started, and the disks are looked at from outside when the host, which keeps them, has ended; else `b` looks
 * at the clone's disk.
 */
export async function savedWhileItWorks(guests: DebianPair, mib: number, { thorough = false } = {}): Promise<Held> {
  const { addresses } = guests;
  await guests.fill('a', '/file', mib);
  const sum = await guests.sum('a', '/file');
  const received = async (): Promise<number> => Number(await guests.ask('b', 'stat -c %s /got', 30)) / MIB;
  await guests.listen('b');
  // The file's length is no multiple of a piece: the last one is short.
  const sender = `for i in $(seq 0 ${PIECES}); do dd if=/file bs=${(mib * 1024) / PIECES}k skip=$i count=1 2>/dev/null; sleep 0.1; done`;
  await guests.ask(
    'a',
    `(${WRITER}) & writer=$!; ping ${addresses.b} > /pings & ping=$!; (${sender}) | nc ${addresses.b} 9 & true`,
    30,
  );

  // Over a save and a restore the copy goes on.
  let copiedMiB = 0;
  while (copiedMiB < mib / 8) copiedMiB = await received();
  const save = await guests.time('xl save a /tmp/a.save');
  copiedMiB = await received();
  expect(copiedMiB).toBeLessThan(mib);
  const restore = await guests.time('xl restore /tmp/a.save; rm /tmp/a.save');
  await guests.ask('b', 'wait', 60 + 3 * mib);
  const restored = await logOf(guests, 'a');
  expect(restored.wrong).toBe(0);

  // Back at the snapshot the disk is as it was then, and the writer goes on from there.
  await guests.ask('a', 'echo before > /mark; sync', 30);
  const snapshot = await guests.time('xl snapshot a one');
  await guests.ask('a', 'echo after > /mark; dd if=/dev/zero of=/file bs=64k count=32 2>/dev/null; sync', 60);
  expect(await guests.ask('a', "head -c 2097152 /file | tr -d '\\0' | wc -c", 30)).toBe('0');
  const later = await logOf(guests, 'a');
  const revert = await guests.time('xl revert a one');
  expect(await guests.ask('a', 'cat /mark', 30)).toBe('before');
  expect(await guests.sums({ a: '/file', b: '/got' })).toEqual([sum, sum]);
  const reverted = await logOf(guests, 'a');
  expect([later.wrong, reverted.wrong, reverted.lines > restored.lines]).toEqual([0, 0, true]);

  // A clone has the disk as of one moment.
  const clone = await guests.time('xl clone a c');
  await guests.ask('a', 'kill $writer; kill -INT $ping; sleep 1; sync', 30);
  const pings = /(\d+) packets transmitted, (\d+) packets received/
    .exec(await guests.ask('a', 'tail -n 2 /pings', 30))!
    .slice(1)
    .map(Number);
  const { lines, wrong } = await logOf(guests, 'a');
  expect([wrong, lines > reverted.lines]).toEqual([0, true]);
  // One may be under way when it is saved, one when a snapshot is taken, and one when it goes back: the network has no memory.
  const lost = pings[0] - pings[1];
  expect(lost).toBeLessThanOrEqual(3);
  expect(pings[1]).toBeGreaterThan(2);
  const [inside, outside] = await guests.disk('a');
  expect(outside).toEqual(inside);
  await (thorough ? cloneStarts(guests, sum) : cloneIsRead(guests, sum));
  expect(guests.host.output).not.toMatch(BROKEN);
  return { seconds: { save, restore, snapshot, revert, clone }, copiedMiB, lines, pings: { sent: pings[0], lost } };
}

/** The clone takes the place of `a`; then e2fsprogs read the disks. */
async function cloneStarts(guests: DebianPair, sum: string): Promise<void> {
  await guests.host.run('xl destroy a; xm start c', 60);
  await guests.up('c');
  expect(await guests.sum('c', '/file')).toBe(sum);
  expect((await logOf(guests, 'c', '/log')).wrong).toBeLessThan(2);
  expect(await guests.ping('c', 'b')).toContain(ALL_ANSWERED);
  const settled = 'sync; echo u > /proc/sysrq-trigger; until grep -q "/ ext4 ro" /proc/mounts; do sleep 1; done';
  for (const name of ['b', 'c']) await guests.ask(name, settled, 60);
  await guests.end('b', 'c');
  expect(await guests.examined('b', '/got')).toEqual({ sum, problems: '' });
  expect(await guests.examined('c-xvda', '/file')).toEqual({ sum, problems: '' });
}

/** `b`, which has Xen's driver, gets the clone's disk. */
async function cloneIsRead(guests: DebianPair, sum: string): Promise<void> {
  await guests.host.run('xl block-attach b phy:/dev/vg0/c-xvda,xvdb,w', 30);
  await guests.ask('b', 'until [ -b /dev/xvdb ]; do sleep 0.1; done; mount -t ext4 /dev/xvdb /mnt', 30);
  expect(await guests.sum('b', '/mnt/file')).toBe(sum);
  expect((await logOf(guests, 'b', '/mnt/log')).wrong).toBeLessThan(2);
}
