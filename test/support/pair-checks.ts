/** What a pair of Debian guests must show, whatever it finds its disks and its cards by. */
import { expect } from 'vitest';
import type { Copy, DebianPair } from './debian-pair.ts';
import { KINDS } from './debian-root.ts';

const BROKEN = /Kernel panic|BUG:|Oops|I\/O error|EXT4-fs error|NETDEV WATCHDOG/;

/** Their devices are those of their kind, they reach each other, and what one sends over TCP is on the other's disk, read inside and outside. */
export async function reachAndCopy(guests: DebianPair, mib: number): Promise<Copy> {
  const { disk, drivers } = KINDS[guests.kind];
  for (const name of ['a', 'b']) {
    // The root, the only disk, and the only card are those of this kind.
    expect(await guests.ask(name, 'grep " / " /proc/mounts', 30)).toMatch(new RegExp(`/dev/${disk} / ext4 rw`));
    const devices = await guests.ask(
      name,
      'ls -1 /sys/block | grep -v loop; ls -1 /sys/class/net; for i in block/* net/eth0; do readlink -f /sys/class/$i/device/driver; done | sort -u',
      30,
    );
    expect(devices.split('\n').map(line => line.replace(/.*\//, ''))).toEqual([disk, 'eth0', 'lo', ...[drivers.disk, drivers.card].sort()]);
  }
  expect(new Set(Object.values(guests.addresses)).size).toBe(2);
  for (const [from, to] of ['ab', 'ba']) expect(await guests.ping(from, to)).toContain('3 packets transmitted, 3 packets received, 0% packet loss');
  const copy = await guests.copy('a', 'b', mib);
  expect(copy.sums[1]).toBe(copy.sums[0]);
  const [inside, outside] = await guests.disk('b');
  expect(outside).toEqual(inside);
  expect(guests.host.output).not.toMatch(BROKEN);
  return copy;
}

/** Lines with numbers from 1 on, each durable before the next is written. */
const WRITER = 'i=0; while :; do i=$((i+1)); echo $i >> /log; sync; done';

/** One writes, pings and sends a file all the while, whatever happens to it; `sum`: of its /file. */
export async function savedWhileItWorks(guests: DebianPair, sum: string): Promise<void> {
  const { host, addresses } = guests;
  /** How many lines there are, and how many of them are not where they belong. */
  const log = async (name: string): Promise<{ lines: number; wrong: number }> => {
    const [lines, wrong] = (await guests.ask(name, `awk '$0 != NR { wrong++ } END { print NR, wrong + 0 }' /log`, 60)).split(' ').map(Number);
    return { lines, wrong };
  };
  await guests.ask('b', '(nc -l -p 9 > /over; sync) & true', 30);
  await guests.ask('a', `(${WRITER}) & ping ${addresses.b} > /pings & nc ${addresses.b} 9 < /file & true`, 30);

  // Over a save and a restore the copy goes on.
  await host.run('xl save a /tmp/a.save && xl restore /tmp/a.save && rm /tmp/a.save', 120);
  await guests.ask('b', 'wait', 120);
  expect(await guests.sum('b', '/over')).toBe(sum);
  const restored = await log('a');
  expect(restored.wrong).toBe(0);

  // Back at the snapshot the disk is as it was then, and the writer goes on from there.
  await guests.ask('a', 'echo before > /mark; sync', 30);
  await host.run('xl snapshot a one', 60);
  await guests.ask('a', 'echo after > /mark; dd if=/dev/zero of=/file bs=64k count=32 2>/dev/null; sync', 60);
  expect(await guests.sum('a', '/file')).not.toBe(sum);
  const later = await log('a');
  await host.run('xl revert a one', 60);
  expect(await guests.ask('a', 'cat /mark', 30)).toBe('before');
  expect(await guests.sum('a', '/file')).toBe(sum);
  const reverted = await log('a');
  expect([later.wrong, reverted.wrong, reverted.lines > restored.lines]).toEqual([0, 0, true]);

  // A clone has the disk as of one moment.
  await host.run('xl clone a c', 60);
  await guests.ask('a', 'kill %1; kill -INT %2; sleep 1; sync', 30);
  expect(await guests.ask('a', 'tail -n 2 /pings', 30)).toMatch(/[1-9]\d* packets transmitted, [1-9]\d* packets received/);
  expect((await log('a')).wrong).toBe(0);
  const [inside, outside] = await guests.disk('a');
  expect(outside).toEqual(inside);
  await host.run('xl destroy a; xm start c', 60);
  await guests.up('c');
  expect(await guests.sum('c', '/file')).toBe(sum);
  // As after a power cut: a line may have been under way.
  expect((await log('c')).wrong).toBeLessThan(2);
  expect(await guests.ping('c', 'b')).toContain('3 packets transmitted, 3 packets received, 0% packet loss');
  expect(host.output).not.toMatch(BROKEN);
}
