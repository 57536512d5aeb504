/** Debian's own drivers of virtio, disk and network card by messages: in a plain PC, and in one that finds KVM. */
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { Ringside } from '../support/command-line.ts';
import { Shell } from '../support/guest-shell.ts';
import { NEEDS_GUESTS } from '../support/guests.ts';
import { file } from '../support/needs.ts';

const DISK_MIB = 32;
const folder = mkdtempSync(join(tmpdir(), 'ringside-virtio-'));
afterAll(() => rmSync(folder, { recursive: true }));

const EXTRA_MIB = 2;
/** Bytes that are not alike. */
const noiseOf = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 7) ^ (i >> 8));

const CMDLINE = 'console=ttyS0,115200 cryptomgr.notests mods=virtio_pci,virtio_blk,virtio_net,virtio_balloon dhcp=1';
const MAC = '52:54:00:aa:bb:cc';
/** What is said when the guest is to have less memory, and when it is to have all of it again. */
const SHRINK = 'LESS-MEMORY',
  GROW = 'MORE-MEMORY';
/** And when a disk comes, and goes, and when the card makes room for another. */
const DISK_COMES = 'DISK-COMES',
  DISK_GOES = 'DISK-GOES',
  CARD_GOES = 'CARD-GOES',
  CARD_COMES = 'CARD-COMES';
const OTHER_MAC = '52:54:00:dd:ee:ff';

/** A guest of KVM in libvirt's words, its disks behind the place of the first one; `path`: of its definition. */
function define(path: string, guest: string, disk: string): string[] {
  writeFileSync(
    path,
    `<domain type='kvm'>
  <name>defined</name>
  <memory unit='MiB'>192</memory>
  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
    <kernel>${join(guest, 'vmlinuz')}</kernel>
    <initrd>${join(guest, 'initrd-modules')}</initrd>
    <cmdline>${CMDLINE}</cmdline>
  </os>
  <devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/>
      <source file='${disk}'/>
      <target dev='vdb' bus='virtio'/>
    </disk>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2'/>
      <source file='${join(guest, 'ide.qcow2')}'/>
      <target dev='vdc' bus='virtio'/>
      <readonly/>
    </disk>
    <interface type='bridge'>
      <mac address='${MAC}'/>
      <source bridge='xenbr0'/>
      <model type='virtio'/>
    </interface>
    <memballoon model='virtio' freePageReporting='on'/>
  </devices>
</domain>
`,
  );
  const script = `${path}.script`;
  // A run ends with a script, unless that ends with something typed.
  const extra = `${path}.extra`;
  writeFileSync(extra, noiseOf(EXTRA_MIB << 20));
  const steps = [
    [SHRINK, 'mem-set 128'],
    [GROW, 'mem-set 192'],
    [DISK_COMES, `insert vdh ${extra}`],
    [DISK_GOES, 'eject vdh'],
    [CARD_GOES, 'eject card'],
    [CARD_COMES, `insert card ${OTHER_MAC}`],
  ];
  writeFileSync(script, `${steps.map(([word, does]) => `expect ${word}\n${does}\n`).join('')}send \\x20\n`);
  return [path, '--script', script];
}

const options = (guest: string, disk: string, more: string[]): string[] => [
  ...['--kernel', join(guest, 'vmlinuz'), '--initrd', join(guest, 'initrd-modules'), '--cmdline', CMDLINE],
  ...['--disk', `${disk},rw,virtio`, '--disk', `${join(guest, 'ide.qcow2')},ro,virtio`, '--nic', 'virtio'],
  ...['--memory', '192', ...more],
];

describe.each([
  ['debian-686-pae', 'a plain PC'],
  ['debian-686-pae', '--type kvm'],
  ['debian-amd64', "libvirt's <domain type='kvm'>"],
])(`%s, %s ${NEEDS_GUESTS}`, (name, how) => {
  const guest = file(`.cache/guests/${name}`),
    isKvm = how.includes('kvm'),
    isDefined = how.startsWith('libvirt'),
    // Code of 64 bits is interpreted, and sums are most of what this takes.
    mib = name.endsWith('amd64') ? 4 : 16;

  it.skipIf(!existsSync(guest))(
    'reads and writes a disk of virtio, and is on the network by a card of virtio',
    async () => {
      const disk = join(folder, `${name}-${isKvm}.img`);
      const image = Uint8Array.from({ length: DISK_MIB << 20 }, (_, i) => (i >> 9) ^ i);
      writeFileSync(disk, image);
      const vm = new Ringside(
        'boot',
        ...(isDefined
          ? define(join(folder, 'defined.xml'), guest, disk)
          : options(guest, disk, isKvm ? ['--type', 'kvm'] : [])),
      );
      onTestFinished(() => vm.kill());
      const shell = new Shell(vm);
      await shell.boot();

      // Disk: what lies there, what is written, past the page cache, and what the second disk says of itself.
      expect(await shell.run('cat /sys/block/vda/size /sys/block/vdb/ro')).toBe(`${(DISK_MIB << 20) / 512}\n1`);
      expect(await shell.run('cat /sys/block/vda/serial')).toBe(isDefined ? 'RSV0000001' : 'RSV0000000');
      const before = await shell.interrupts();
      const noise = 'dd if=/dev/urandom of=/tmp/noise bs=1M';
      await shell.run(`${noise} count=${mib}; dd if=/tmp/noise of=/dev/vda bs=1M seek=4 conv=fsync`);
      await shell.run('echo 3 > /proc/sys/vm/drop_caches');
      const [written, read] = (
        await shell.run(`md5sum < /tmp/noise; dd if=/dev/vda bs=1M skip=4 count=${mib} | md5sum`)
      )
        .split('\n')
        .filter(line => line.endsWith('-'));
      expect(read).toBe(written);
      const requests = await shell.interrupts();
      expect(requests.get('virtio1-req.0')! - before.get('virtio1-req.0')!).toBeGreaterThan(mib);
      // The card's configuration and two queues that interrupt, and two of each disk.
      expect(await shell.run('grep -c PCI-MSI /proc/interrupts')).toBe(isDefined ? '12' : '7');

      // What it says of where it runs.
      const log = await shell.run('dmesg');
      const clock = await shell.run('cat /sys/devices/system/clocksource/clocksource0/current_clocksource');
      if (isKvm) {
        expect(log).toContain('Hypervisor detected: KVM');
        expect(log).toMatch(/kvm-clock: Using msrs 4b564d01 and 4b564d00/);
        expect(log).toContain('Booting paravirtualized kernel on KVM');
        expect(clock).toBe('kvm-clock');
      } else expect(log).not.toContain('Hypervisor detected');

      // Network.
      expect(await shell.run('ip addr show eth0')).toMatch(/inet 10\.0\.2\.15/);
      expect(await shell.run('ping -c 5 10.0.2.2')).toContain(
        '5 packets transmitted, 5 packets received, 0% packet loss',
      );
      expect(await shell.run('ls -l /sys/class/net/eth0/device/driver')).toMatch(/virtio_net$/);
      if (isDefined) {
        // Linux calls the first disk of virtio vda; where it is, its slot says.
        expect(await shell.run('ls -l /sys/block/vda/device/driver')).toMatch(/virtio_blk$/);
        expect(await shell.run('readlink -f /sys/block/vda')).toContain('/0000:00:06.0/');
        expect(await shell.run('ip addr show eth0')).toContain(MAC);
        // Its balloon takes a third of its memory, and gives that back, which is used then.
        const total = "$(awk '/MemTotal/ { print $2 }' /proc/meminfo)";
        const all = await shell.run(`echo ${total}`);
        vm.send(`: ${SHRINK}\n`);
        const wait = (what: string): string => `until [ ${total} ${what} ]; do sleep 1; done; echo ${total}`;
        expect(Number(all) - Number(await shell.run(wait(`-le ${Number(all) - 65536}`)))).toBe(65536);
        await shell.run(`echo ${GROW}; ${wait(`-ge ${all}`)}`);
        expect(
          await shell.run(
            `${noise} count=48; md5sum < /tmp/noise > /tmp/sum; md5sum < /tmp/noise | cmp - /tmp/sum; echo $?`,
          ),
        ).toMatch(/^0$/m);
        // A disk comes by its slot's place, and goes; then the card does, and another one comes, all by ACPI.
        const hears = (word: string, until: string): Promise<string> => {
          vm.send(`: ${word}\n`);
          return shell.run(`until ${until}; do sleep 1; done`);
        };
        await hears(DISK_COMES, '[ -b /dev/vdc ]');
        expect(await shell.run('readlink -f /sys/block/vdc')).toContain('/0000:00:0c.0/');
        const sum = createHash('md5')
          .update(noiseOf(EXTRA_MIB << 20))
          .digest('hex');
        expect(await shell.run('md5sum < /dev/vdc')).toContain(sum);
        await hears(DISK_GOES, '[ ! -e /sys/block/vdc ]');
        await hears(CARD_GOES, '[ ! -e /sys/class/net/eth0 ]');
        await hears(CARD_COMES, '[ -e /sys/class/net/eth0 ]');
        expect(await shell.run('cat /sys/class/net/eth0/address')).toBe(OTHER_MAC);
        await shell.run('udhcpc -i eth0 -n -q');
        expect(await shell.run('ping -c 2 10.0.2.2')).toContain('2 packets received');
      }
      expect([requests.get('ERR'), requests.get('MIS')]).toEqual([0, 0]);
      vm.send('sync; poweroff -f\n');
      expect(await vm.end(120)).toBe(0);
      // The file has what the guest has written, and around it what was there.
      const after = readFileSync(disk);
      expect(after.subarray(0, 4 << 20).equals(image.subarray(0, 4 << 20))).toBe(true);
    },
  );
});

const bootable = file('.cache/guests/disks/debian-disk.img');
describe.skipIf(!existsSync(bootable))(`a disk of virtio ${NEEDS_GUESTS}`, () => {
  it.each(['ringside', 'seabios'])('is one that the BIOS boots from: %s', async bios => {
    const vm = new Ringside('boot', '--bios', bios, '--disk', `${bootable},virtio`);
    onTestFinished(() => vm.kill());
    await vm.expect('GNU GRUB', 200);
  });
});
