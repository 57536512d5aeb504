/** Debian started from a disk by SeaBIOS and GRUB, and what its drivers make of the IDE channels, the CD, the network card, interrupts and time. */
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { Ringside } from '../support/command-line.ts';
import { Shell } from '../support/guest-shell.ts';
import { NEEDS_GUESTS } from '../support/guests.ts';
import { file } from '../support/needs.ts';

const disk = file('.cache/guests/disks/debian-disk.img');
const cd = file('.cache/guests/cds/grub-rescue-cdrom.iso');
const folder = mkdtempSync(join(tmpdir(), 'ringside-disk-'));
afterAll(() => rmSync(folder, { recursive: true }));

const MIB = 32;

describe.skipIf(!existsSync(disk))(`Debian on a disk ${NEEDS_GUESTS}`, () => {
  it.each([
    ['686', 'n', 'pcnet'],
    ['686-pae', 'p', 'ne2k_pci'],
  ])(
    '%s: reads and writes through DMA, also after a reboot; mounts a CD; is on the network; counts interrupts, time',
    async (flavour, key, nic) => {
      const vm = new Ringside('boot', disk, '--cdrom', cd, '--nic', nic, '--memory', '192');
      onTestFinished(() => vm.kill());
      const shell = new Shell(vm);
      await shell.boot(key);
      expect(await shell.run('uname -r')).toMatch(flavour === '686' ? /-686$/ : /-686-pae$/);
      // Where the host had no time for it, the guest's clock is behind until it idles.
      await shell.run('sleep 5');
      const start = await shell.lag();
      const before = await shell.interrupts();

      // Disk.
      expect(await shell.run('cat /sys/class/ata_device/dev1.0/dma_mode')).toMatch(/^XFER_(MW|U)_?DMA/);
      await shell.run('mount -t ext4 /dev/sda1 /mnt');
      expect(await shell.run('ls /mnt/boot')).toContain('vmlinuz-686-pae');
      // Random bytes at offsets that differ in each of the copies, so that no sector is like another.
      await shell.run('dd if=/dev/urandom of=/tmp/seed bs=1M count=2');
      await shell.run(`for i in $(seq ${MIB / 2}); do echo copy $i; cat /tmp/seed; done > /mnt/noise`);
      await shell.run('md5sum /mnt/noise > /mnt/sum; rm /tmp/seed; sync; echo 3 > /proc/sys/vm/drop_caches');
      expect(await shell.run('md5sum -c /mnt/sum')).toBe('/mnt/noise: OK');
      const afterDisk = await shell.interrupts();
      // At most 256 sectors a command without 48-bit addresses, at most 65536 with: 32 MiB there and back are some hundred commands at least.
      expect(afterDisk.get('14')! - before.get('14')!).toBeGreaterThan(2 * MIB);
      expect(afterDisk.get('14')! - before.get('14')!).toBeLessThan(20_000);
      await shell.run('umount /mnt');

      // CD.
      const whole = readFileSync(cd);
      expect(await shell.run('md5sum /dev/sr0')).toContain(createHash('md5').update(whole).digest('hex'));
      await shell.run('mount -t iso9660 -o ro /dev/sr0 /mnt');
      expect(await shell.run('ls /mnt/boot/grub/i386-pc')).toContain('normal.mod');
      await shell.run('umount /mnt');

      // Network. The disk's own menu loads pcnet32.
      if (nic === 'ne2k_pci') await shell.run('insmod /lib/modules/8390.ko && insmod /lib/modules/ne2k-pci.ko');
      expect(await shell.run('udhcpc -i eth0 -n -q 2>&1')).toMatch(/lease of 10\.0\.2\.15 obtained/);
      expect(await shell.run('ping -c 5 10.0.2.2')).toContain(
        '5 packets transmitted, 5 packets received, 0% packet loss',
      );
      expect(await shell.run('nslookup gateway.ringside 10.0.2.3')).toContain('10.0.2.2');
      const afterNet = await shell.interrupts();
      const frames = (
        await shell.run('cat /sys/class/net/eth0/statistics/rx_packets /sys/class/net/eth0/statistics/tx_packets')
      )
        .split('\n')
        .map(Number);
      expect(frames[0]).toBeGreaterThanOrEqual(8);
      expect(frames[1]).toBeGreaterThanOrEqual(8);
      expect(
        await shell.run('cat /sys/class/net/eth0/statistics/rx_errors /sys/class/net/eth0/statistics/tx_errors'),
      ).toBe('0\n0');
      expect(afterNet.get('eth0')).toBeGreaterThanOrEqual(8);
      expect(afterNet.get('eth0')).toBeLessThanOrEqual(3 * (frames[0] + frames[1]) + 10);

      // Interrupts and time.
      expect([afterNet.get('ERR'), afterNet.get('MIS')]).toEqual([0, 0]);
      expect(await shell.run('cat /sys/devices/system/clocksource/clocksource0/current_clocksource')).toMatch(
        /^(tsc|acpi_pm)$/,
      );
      // Over a minute at least, however fast the machine did what came before.
      const left = Math.max(20, Math.ceil(61 - (performance.now() / 1000 - start.host)));
      await shell.run(`sleep ${left}`);
      const end = await shell.lag();
      const seconds = end.host - start.host;
      expect(Math.abs(end.lag - start.lag) / seconds).toBeLessThan(0.01);
      // The local timer ticks 250 times a second while the processor is busy.
      const ticks = (await shell.interrupts()).get('LOC')! - before.get('LOC')!;
      expect(ticks).toBeGreaterThan(0.2 * 250 * seconds);
      expect(ticks).toBeLessThan(1.05 * 250 * seconds);
      const today = Number(await shell.run('date +%s'));
      expect(Math.abs(today - Date.now() / 1000)).toBeLessThan(5);
      expect(
        await shell.run(
          'dmesg | grep -iE "unstable|nobody cared|lost interrupt|lockup|stall|exception Emask|I/O error" || true',
        ),
      ).toBe('');

      // Again: what was written is on the disk.
      vm.send('reboot -f\n');
      await shell.boot(key);
      await shell.run('mount -t ext4 /dev/sda1 /mnt');
      expect(await shell.run('md5sum -c /mnt/sum')).toBe('/mnt/noise: OK');
      await shell.run('umount /mnt');
      vm.send('poweroff -f\n');
      expect(await vm.end(60)).toBe(0);
      expect(vm.output).not.toMatch(/Kernel panic|BUG:|Oops|as unstable/);
    },
  );
});
