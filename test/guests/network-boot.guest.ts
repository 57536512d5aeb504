/** iPXE in a card's ROM: with each BIOS and card it gets its address by DHCP and its files by TFTP; it starts Linux. */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { assemble } from '../../src/cpu/assembler/index.ts';
import { limit, Ringside } from '../support/command-line.ts';
import { BOOTED, NEEDS_GUESTS, PROMPT } from '../support/guests.ts';
import { file } from '../support/needs.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringside-network-boot-'));
afterAll(() => rmSync(folder, { recursive: true }));
const written = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

/** Of iPXE's language. */
const variable = (name: string): string => `$\{${name}}`;

describe.skipIf(!existsSync(file('.cache/guests/firmware/pxe-pcnet.rom')))(
  `boot from the network ${NEEDS_GUESTS}`,
  () => {
    it.each([
      ['ringside', 'pcnet', []],
      ['ringside', 'ne2k_pci', []],
      ['ringside', 'pcnet', ['--type', 'hvm']],
      ['seabios', 'ne2k_pci', ['--type', 'hvm', '--device-model', 'dom0']],
    ])('by %s and %s %j', async (bios, nic, more) => {
      const boot = written(
        'boot.ipxe',
        `#!ipxe\necho ${variable('net0/ip')} from ${variable('next-server')}: hello\nsleep 100\n`,
      );
      const script = written('script', 'expect 10.0.2.15 from 10.0.2.2: hello\n');
      const vm = new Ringside(
        'boot',
        '--boot',
        'n',
        '--nic',
        nic,
        '--bios',
        bios,
        ...more,
        '--tftp',
        boot,
        '--script',
        script,
        ...limit(200),
        '--debugcon',
        join(folder, 'log'),
      );
      onTestFinished(() => vm.kill());
      expect(await vm.end(210), vm.errors).toBe(0);
    });

    it('gives out files of Domain 0, as dnsmasq in its shell says', async () => {
      // What PXE loads is code at 7C00h: it says so on COM1.
      const { bytes } = assemble(
        `bits 16\norg 7c00h\njmp 0:start\nstart: xor ax, ax\nmov ds, ax\nmov dx, 3f8h\nmov si, text\nsay: lodsb\nout dx, al\ntest al, al\njnz say\ncli\nhlt\ntext: db 'came by TFTP', 13, 10, 0\n`,
      );
      writeFileSync(join(folder, 'hello.0'), bytes);
      const definition = written(
        'net.cfg',
        'name = "net"\ntype = "hvm"\nmemory = 32\nboot = "n"\nvif = [ "model=pcnet" ]\nserial = "pty"\n',
      );
      const log = '/var/log/xen/console/guest-net.log';
      const line = `dnsmasq --tftp-root=/srv/tftp --dhcp-boot=hello.0; xl create /etc/xen/vm/net; for i in $(seq 300); do grep -q TFTP ${log} 2> /dev/null && break; sleep 0.5; done; cat ${log}`;
      const shell = new Ringside(
        'sh',
        '--file',
        `${definition}:/etc/xen/vm/net`,
        '--file',
        `${join(folder, 'hello.0')}:/srv/tftp/hello.0`,
        '-c',
        line,
      );
      onTestFinished(() => shell.kill());
      expect(await shell.end(100), shell.errors).toBe(0);
      expect(shell.output).toContain('came by TFTP');
    });

    it('starts a Linux that came by TFTP', async () => {
      for (const name of ['vmlinuz', 'initrd'])
        copyFileSync(file(`.cache/guests/debian-686/${name}`), join(folder, name));
      const boot = written(
        'linux.ipxe',
        '#!ipxe\nkernel vmlinuz console=ttyS0 cryptomgr.notests\ninitrd initrd\nboot\n',
      );
      const vm = new Ringside('boot', '--boot', 'n', '--nic', 'pcnet', '--tftp', boot, '--memory', '192');
      onTestFinished(() => vm.kill());
      await vm.expect(BOOTED, 400);
      await vm.expect(PROMPT, 100);
      vm.send('poweroff -f\n');
      expect(await vm.end(60)).toBe(0);
    });

    // The second has a network stack of its own above the card's UNDI, with its interrupts; the first asks PXE for each file.
    it.each([
      ['pxelinux.0', 'seabios'],
      ['lpxelinux.0', 'ringside'],
    ])('starts %s by %s, which takes its settings from a folder of TFTP, and memtest86+', async (loader, bios) => {
      const root = join(folder, loader);
      mkdirSync(join(root, 'pxelinux.cfg'), { recursive: true });
      for (const [from, to] of [
        [`loaders/${loader}`, loader],
        ['loaders/ldlinux.c32', 'ldlinux.c32'],
        ['tools/memtest86+ia32.bin', 'memtest'],
      ])
        copyFileSync(file(`.cache/guests/${from}`), join(root, to));
      writeFileSync(join(root, 'pxelinux.cfg', 'default'), 'PROMPT 1\nLABEL memtest\nKERNEL memtest\n');
      const script = written(
        'script',
        'expect boot:\nkey m e m t e s t enter\nexpect #3  [Moving inversions, 1s & 0s]\n',
      );
      const options = [
        '--boot',
        'n',
        '--nic',
        'pcnet',
        '--tftp',
        join(root, loader),
        '--memory',
        '32',
        '--script',
        script,
        ...limit(200),
      ];
      const vm = new Ringside('boot', ...options, '--bios', bios);
      onTestFinished(() => vm.kill());
      expect(await vm.end(210), vm.errors).toBe(0);
    });

    const undionly = file('.cache/guests/loaders/undionly.kpxe');
    // iPXE without a driver: it sends and receives by the UNDI that the card's ROM left behind, and says so as the card's chip.
    it.skipIf(!existsSync(undionly))('hands over to undionly.kpxe', async () => {
      const root = join(folder, 'undi');
      mkdirSync(root);
      copyFileSync(undionly, join(root, 'undionly.kpxe'));
      const lines = [
        '#!ipxe',
        `iseq ${variable('net0/chip')} undionly && goto second || chain undionly.kpxe`,
        ':second',
        `echo ${variable('net0/chip')} at ${variable('net0/ip')}: hello`,
        'sleep 100',
      ];
      writeFileSync(join(root, 'boot.ipxe'), `${lines.join('\n')}\n`);
      const script = written('script', 'expect undionly at 10.0.2.15: hello\n');
      const options = [
        '--boot',
        'n',
        '--nic',
        'pcnet',
        '--tftp',
        join(root, 'boot.ipxe'),
        '--memory',
        '32',
        '--script',
        script,
        ...limit(150),
      ];
      const vm = new Ringside('boot', ...options);
      onTestFinished(() => vm.kill());
      expect(await vm.end(160), vm.errors).toBe(0);
    });

    it('a file that TFTP does not have ends in a sentence, and what comes next is tried', async () => {
      const script = written('script', 'expect Not bootable: it gave up\nexpect Select what to boot\n');
      const vm = new Ringside(
        'boot',
        '--boot',
        'n',
        '--nic',
        'pcnet',
        '--tftp',
        written('boot.ipxe', '#!ipxe\nchain nowhere\n'),
        '--script',
        script,
        ...limit(150),
      );
      onTestFinished(() => vm.kill());
      expect(await vm.end(160), vm.errors).toBe(0);
    });
  },
);
