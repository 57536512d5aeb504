/** Guests of Xen: Debian's 686-pae kernel as PVH and as HVM with Xen detected, and GRUB's PVH image. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { Ringside } from '../support/command-line.ts';
import { BOOTED, debian, haveGuests, NEEDS_GUESTS, PROMPT } from '../support/guests.ts';
import { file } from '../support/needs.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringside-xen-'));
afterAll(() => rmSync(folder, { recursive: true }));
const { kernel, initrd } = debian('686-pae');
const grub = file('.cache/guests/xen/grub-i386-xen_pvh.bin');
const hvmloader = file('.cache/guests/xen/hvmloader');
const disk = file('.cache/guests/disks/debian-disk.img');

function start(...argv: string[]): Ringside {
  const vm = new Ringside('boot', ...argv);
  onTestFinished(() => vm.kill());
  return vm;
}

const linux = (type: string, vcpus: number, ...more: string[]): Ringside =>
  start(
    '--type',
    type,
    '--vcpus',
    String(vcpus),
    '--kernel',
    kernel,
    '--ramdisk',
    initrd,
    '--memory',
    '192',
    '--cmdline',
    'console=hvc0 cryptomgr.notests',
    ...more,
  );

describe.skipIf(!haveGuests)(`Debian's Linux as a guest of Xen ${NEEDS_GUESTS}`, () => {
  it.each([
    ['pvh', 1],
    ['pvh', 2],
    ['hvm', 1],
    ['hvm', 2],
  ] as const)(
    'as %s with %i vCPUs comes to a shell on hvc0 with the clock of Xen, and powers off',
    async (type, vcpus) => {
      const vm = linux(type, vcpus);
      await vm.expect('Hypervisor detected: Xen HVM', 400);
      await vm.expect(BOOTED, 600);
      await vm.expect(PROMPT, 60);
      vm.send(
        'cat /sys/devices/system/clocksource/clocksource0/current_clocksource /sys/hypervisor/version/m*; grep -c ^processor /proc/cpuinfo; echo all-$((2 + 3))\n',
      );
      await vm.expect('all-5', 60);
      expect(vm.output).toMatch(/^xen\r?\n4\r?\n17\r?$/m);
      expect(vm.output).toMatch(new RegExp(`^${vcpus}\\r?$`, 'm'));
      expect(vm.output).toContain(
        type === 'pvh' ? 'Booting kernel on Xen PVH' : 'Booting paravirtualized kernel on Xen HVM',
      );
      expect(vm.output).toContain('Grant table initialized');
      expect(vm.output).not.toMatch(/Kernel panic|BUG:|Oops|soft lockup|detected stall|stalls on CPU/);
      vm.send('poweroff -f\n');
      expect(await vm.end(60)).toBe(0);
    },
  );

  it.each(['pvh', 'hvm'])('as %s sees maxmem, has memory, and grows and shrinks as it is told', async type => {
    const place = (name: string, text: string): string => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    const definition = place(
      `${type}.cfg`,
      [
        `name = "balloon"`,
        `type = "${type}"`,
        `kernel = "${kernel}"`,
        `ramdisk = "${initrd}"`,
        'cmdline = "console=hvc0 cryptomgr.notests"',
        'memory = 128',
        'maxmem = 256',
        '',
      ].join('\n'),
    );
    const total = ['send cat /proc/meminfo\\n', 'expect SwapFree', `expect ${PROMPT}`];
    const script = place(
      'script',
      [
        `expect ${PROMPT}`,
        ...total,
        'mem-set 200',
        'wait 6000',
        ...total,
        'mem-set 96',
        'wait 6000',
        ...total,
        '',
      ].join('\n'),
    );
    const stats = join(folder, `${type}.json`);
    const vm = start('--config', definition, '--script', script, '--stats', stats);
    expect(await vm.end(500)).toBe(0);
    expect(vm.output).toContain('xen:balloon: Initial ballooning down finished.');
    // The kernel sees it all at first: less than 12 MiB are its own, and gone before it counts.
    expect(Number(/Memory: \d+K\/(\d+)K available/.exec(vm.output)?.[1])).toBeGreaterThan(250 * 1024);
    const mib = [...vm.output.matchAll(/^MemTotal: +(\d+) kB/gm)].map(([, kib]) => Number(kib) / 1024);
    expect(mib).toHaveLength(3);
    [128, 200, 96].forEach((limit, i) => {
      expect(mib[i]).toBeLessThan(limit);
      expect(mib[i]).toBeGreaterThan(limit - 24);
    });
    // Xen counts the frames, with those of the special pages.
    const { memory } = JSON.parse(readFileSync(stats, 'utf8'));
    expect(memory.frames).toBeLessThanOrEqual(96 * 256 + 10);
    expect(memory.podEntries).toBe(memory.podCachePages);
  });

  it('restarts as a new domain when it reboots, and suspends itself to be saved', async () => {
    const vm = linux('pvh', 1);
    await vm.expect(PROMPT, 600);
    vm.send('reboot -f\n');
    await vm.expect('Linux version', 100);
    vm.kill();
    const state = join(folder, 'pvh.state');
    const saving = linux('pvh', 1, '--until', 'SAVE-ME-2', '--save', state);
    await saving.expect(PROMPT, 600);
    saving.send('n=41; echo SAVE-ME-$((1 + 1))\n');
    expect(await saving.end(120)).toBe(0);
    expect(existsSync(state)).toBe(true);
    const again = start('--restore', state);
    again.send('\necho answer-$((n + 1))\n');
    await again.expect('answer-42', 200);
  });
});

describe.skipIf(!existsSync(grub))(`GRUB as a PVH guest ${NEEDS_GUESTS}`, () => {
  it('comes to its prompt on the PV console and obeys', async () => {
    const vm = start('--type', 'pvh', '--kernel', grub);
    await vm.expect('grub>', 200);
    vm.send('echo typed-into-grub\n');
    // What is typed comes back with a cursor movement between any two letters: only the answer is this text.
    await vm.expect('typed-into-grub', 60);
  });
});

const cd = file('.cache/guests/cds/grub-rescue-cdrom.iso');
describe.skipIf(!existsSync(cd))(`a device model in Domain 0 ${NEEDS_GUESTS}`, () => {
  it('brings SeaBIOS and GRUB from a CD to the same screen as the one beside the processor', async () => {
    const pictures: Buffer[] = [];
    for (const where of ['stub', 'dom0']) {
      const picture = join(folder, `${where}.png`),
        script = join(folder, `${where}.script`),
        stats = join(folder, `${where}.json`),
        log = join(folder, `${where}.log`);
      writeFileSync(script, `expect GNU GRUB\nkey c\nexpect grub>\nwait 500\nscreenshot ${picture}\n`);
      const vm = start(
        '--type',
        'hvm',
        '--cdrom',
        cd,
        '--bios',
        'seabios',
        '--device-model',
        where,
        '--script',
        script,
        '--stats',
        stats,
        '--debugcon',
        log,
        '--timeout',
        '400',
      );
      expect(await vm.end(420)).toBe(0);
      // SeaBIOS has found hvmloader's block: memory map and tables are from there, and it assigns no PCI resources itself.
      const said = readFileSync(log, 'latin1');
      expect(said).toMatch(
        /xen: copy e820[\s\S]*Detected Xen v4\.17[\s\S]*xen: copy BIOS tables[\s\S]*Copying ACPI RSDP[\s\S]*Copying SMBIOS/,
      );
      expect(said).not.toMatch(/qemu\/e820|PCI bus & bridge init/);
      pictures.push(readFileSync(picture));
      const { deviceModel } = JSON.parse(readFileSync(stats, 'utf8'));
      expect(deviceModel.name).toBe(where === 'dom0' ? 'Domain-0' : 'bios-256k.bin-dm');
      expect(deviceModel.requests).toBeGreaterThan(10_000);
      expect(deviceModel.seconds).toBeGreaterThan(0);
    }
    expect(pictures[1].equals(pictures[0])).toBe(true);
  });
});

// Debian has Xen's tools for 64-bit hosts alone: an archive without those packages has no hvmloader, and then there is nothing to test.
if (existsSync(hvmloader))
  describe('hvmloader, the loader of firmware that Xen itself starts', () => {
    // hvmloader calls any BIOS so that is its module.
    it.each(['seabios', 'ringside'])(
      'finds all that it asks of Xen, builds its tables and starts %s, GRUB and Linux, which go by them',
      async bios => {
        const vm = start(
          '--type',
          'hvm',
          '--hvmloader',
          hvmloader,
          '--bios',
          bios,
          '--disk',
          disk,
          '--memory',
          '192',
          '--vcpus',
          '2',
        );
        await vm.expect('Invoking SeaBIOS', 100);
        expect(vm.output).toMatch(/Detected Xen v4\.17\./);
        expect(vm.output).toContain('CPU1 ... 36-bit phys');
        expect(vm.output).not.toMatch(/WARNING|bug at|crashed/);
        // GRUB's menu: the kernel that knows Xen.
        await vm.expect('Debian Linux, 686-pae', 200);
        vm.send('p');
        await vm.expect('Hypervisor detected: Xen HVM', 300);
        await vm.expect('ACPI: 3 ACPI AML tables successfully acquired and loaded', 300);
        expect(vm.output).toContain('DMI: Xen HVM domU');
        expect(vm.output).toMatch(/ACPI: DSDT \S+ \S+ \(v02 Xen {4}HVM/);
        expect(vm.output).toMatch(/PM-Timer IO Port: 0xb008/);
        expect(vm.output).toMatch(/smpboot: Allowing 2 CPUs/);
      },
    );
  });
