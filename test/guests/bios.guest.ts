/** The BIOS of guests/bios compared with SeaBIOS: the same answers call by call, in less time; and what it boots. */
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { Ringside } from '../support/command-line.ts';
import { BOOTED, NEEDS_GUESTS, PROMPT } from '../support/guests.ts';
import { file } from '../support/needs.ts';
import { haveQemu, qemuWithOurBios } from '../support/qemu.ts';
import { patient } from '../support/patience.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringside-bios-'));
afterAll(() => rmSync(folder, { recursive: true }));
const firmware = file('.cache/guests/firmware');
const disk = file('.cache/guests/disks/debian-disk.img');
const cd = file('.cache/guests/cds/grub-rescue-cdrom.iso');
const BOOT_SECONDS = 500;

/** SeaBIOS's VGA BIOS says what it does on the same port, in the middle of a line. */
const CHATTER = /(set VGA mode|Set active page|VBE ).*\n/g;
/**
 * Where two BIOSes may differ: addresses of tables in ROM, of fonts (BP and ES after 1130h), of the functionality table (first bytes of 1B00h), of 32-bit
 * entries (DI after B101h, DX after the BIOS32 directory's answer), of the entries of APM (BX after 5302h and 5303h), of the window's function and the frame
 * buffer (bytes 12 and 40 of 4F01h's); modes that the adapter's planes do not hold (104h and 106h, which SeaBIOS has in 4F00h's list); the status bits of a
 * printer that INT 17h does not use, which SeaBIOS leaves as the port has them, bit 0 (time-out) too.
 */
function comparable(line: string): string {
  if (line.startsWith('10 1130')) return line.replace(/[\dA-F]{4} [\dA-F]{4}(C?)$/, '$1');
  if (line.startsWith('10 1B00')) return line.replace(/= [\dA-F]{8}/, '=');
  if (line.startsWith('10 4F00')) return line.replace(/0401(.*)0601(.*)/, '$1$200000000');
  if (line.startsWith('10 4F01')) return line.replace(/(= .{24}).{8}(.{48}|)(?:.{8}|)/, '$1$2');
  if (line.startsWith('33 5024')) return line.replace(/(: .{15}).{4}/, '$1');
  if (/^(1A|32) B101/.test(line)) return line.replace(/(.{34}).{4}/, '$1');
  if (/^15 530[23]/.test(line)) return line.replace(/(: .{5}).{4}/, '$1');
  if (line.startsWith('17 0200')) return line.replace(/: (.)[07]/, ': $1');
  return line;
}

describe.skipIf(!existsSync(firmware))(`our BIOS and SeaBIOS ${NEEDS_GUESTS}`, () => {
  it('start pcos alike', async () => {
    const script = join(folder, 'pcos.script');
    writeFileSync(
      script,
      'expect pcos> \nkey l s enter\nexpect bytes free\nsend peek 0\\n\nexpect nothing is\nsend off\\n\n',
    );
    const said = async (bios: string) => {
      const vm = new Ringside(
        'boot',
        file('guests/pcos/pcos.img'),
        '--bios',
        bios,
        '--memory',
        '16',
        '--virtual-time',
        '--timeout',
        '60',
        '--script',
        script,
      );
      onTestFinished(() => vm.kill());
      expect(await vm.end(60), vm.errors).toBe(0);
      // They keep another amount of memory for themselves.
      return vm.output.replace(/\d+ KiB/g, '');
    };
    expect(await said('seabios')).toBe(await said('ringside'));
  });

  /** Boots a disk image that ends by itself, and says what it wrote on its port and how many instructions that took. */
  async function run(image: string, bios: string) {
    const [text, stats] = ['text', 'stats.json'].map(name => join(folder, name));
    const vm = new Ringside(
      'boot',
      '--disk',
      image,
      '--bios',
      bios,
      '--debugcon',
      text,
      '--stats',
      stats,
      '--virtual-time',
      '--no-reboot',
    );
    onTestFinished(() => vm.kill());
    expect(await vm.end(100)).toBe(0x63);
    return {
      text: readFileSync(text, 'latin1'),
      instructions: JSON.parse(readFileSync(stats, 'utf8')).instructions as number,
    };
  }

  it('answer alike to a table of calls', async () => {
    const image = join(folder, 'calls.img');
    copyFileSync(file('guests/bioscalls/bioscalls.img'), image);
    truncateSync(image, 2 ** 20);
    const answers = async (bios: string) => {
      const [, table] = /<(10 0003[\s\S]*)>/.exec((await run(image, bios)).text.replace(CHATTER, '')) ?? [];
      return table.trim().split('\n').map(comparable);
    };
    const ours = await answers('ringside');
    expect(ours.length).toBeGreaterThan(500);
    expect(ours).toEqual(await answers('seabios'));
  });

  it('come to a boot sector, ours in half the instructions', async () => {
    const image = join(folder, 'sector.img');
    const sector = new Uint8Array(2 ** 20);
    // mov al, 31h; out F4h, al
    sector.set([0xb0, 0x31, 0xe6, 0xf4]);
    sector.set([0x55, 0xaa], 510);
    writeFileSync(image, sector);
    expect((await run(image, 'ringside')).instructions).toBeLessThan((await run(image, 'seabios')).instructions / 2);
  });
});

describe.skipIf(!existsSync(disk))(`Debian's disk ${NEEDS_GUESTS}`, () => {
  it.each(['ringside', 'seabios'])(
    'starts by %s through GRUB to a shell, with all of its memory and ACPI; its NE2000 gets a lease and pings',
    async bios => {
      const vm = new Ringside('boot', '--disk', disk, '--bios', bios, '--memory', '192', '--nic', 'ne2k_pci');
      onTestFinished(() => vm.kill());
      await vm.expect('GNU GRUB', BOOT_SECONDS);
      vm.send('n');
      await vm.expect('ACPI: Interpreter enabled', BOOT_SECONDS);
      await vm.expect(BOOTED, BOOT_SECONDS);
      await vm.expect('INIT-DONE', BOOT_SECONDS);
      await vm.expect(PROMPT, 60);
      vm.send(
        'insmod /lib/modules/8390.ko && insmod /lib/modules/ne2k-pci.ko && udhcpc -i eth0 -n -q && ping -c 5 10.0.2.2\n',
      );
      await vm.expect('lease of 10.0.2.15 obtained', 60);
      await vm.expect('5 packets transmitted, 5 packets received, 0% packet loss', 60);
      vm.send('poweroff -f\n');
      expect(await vm.end(60)).toBe(0);
    },
  );
});

describe.skipIf(!existsSync(disk) || !haveQemu)(`QEMU with our BIOS ${NEEDS_GUESTS} [needs qemu-system-x86]`, () => {
  it("starts GRUB from Debian's disk, and Debian to a shell", async () => {
    const vm = qemuWithOurBios('serial', '-drive', `file=${disk},format=raw,snapshot=on`, '-m', '192');
    onTestFinished(() => vm.kill());
    await vm.expect('GNU GRUB', 60);
    vm.send('n');
    await vm.expect('ACPI: Interpreter enabled', 100);
    await vm.expect(BOOTED, 100);
    await vm.expect(PROMPT, 60);
    vm.send('poweroff -f\n');
    expect(await vm.end(60)).toBe(0);
  });

  it.each(['transitional', 'modern'])('starts GRUB from a %s disk of virtio', async kind => {
    const device = `virtio-blk-pci,drive=disk,disable-legacy=${kind === 'modern' ? 'on' : 'off'}`;
    const drive = `file=${disk},format=raw,snapshot=on,if=none,id=disk`;
    const vm = qemuWithOurBios('serial', '-drive', drive, '-device', device, '-m', '64');
    onTestFinished(() => vm.kill());
    await vm.expect('GNU GRUB', 60);
  });

  it.skipIf(!existsSync(cd))('starts GRUB from a CD, whose menu is on the screen', async () => {
    const vm = qemuWithOurBios('monitor', '-cdrom', cd, '-m', '64');
    onTestFinished(() => vm.kill());
    const text = join(folder, 'screen');
    const screen = (): string => {
      vm.send(`pmemsave 0xb8000 4000 "${text}"\n`);
      return existsSync(text) ? readFileSync(text, 'latin1').replace(/(.)./gs, '$1') : '';
    };
    await expect.poll(screen, { timeout: patient(100_000), interval: 500 }).toContain('GNU GRUB  version');
  });
});
