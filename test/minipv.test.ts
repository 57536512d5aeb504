/** Our own guest of Xen's public interface, through the toolstack: what it prints is compared with what is outside. */
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { Ringside, WarmRingside } from './support/command-line.ts';
import { file } from './support/needs.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringside-minipv-'));
afterAll(() => rmSync(folder, { recursive: true }));
const kernel = file('guests/minipv/minipv.elf'),
  wideKernel = file('guests/minipv/minipv64.elf');

const SECTORS = 2048;
const image = new Uint8Array(SECTORS * 512);
for (let i = 0, value = 1; i < image.length; i++) image[i] = (value = (value * 1664525 + 1013904223) >>> 0) >>> 24;
const disk = join(folder, 'disk.img');
writeFileSync(disk, image);
const hex = (bytes: Uint8Array): string => crc32(bytes).toString(16);

/** What `fill` of the guest writes: word i of sector s is (s × 128 + i) × 2654435761 + seed. */
function pattern(sector: number, count: number, seed: number): Uint8Array {
  const words = new Uint32Array(count * 128);
  for (let i = 0; i < words.length; i++) words[i] = Math.imul(sector * 128 + i, 2654435761) + seed;
  return new Uint8Array(words.buffer);
}
const overlaid = image.slice();
overlaid.set(pattern(3, 700, 9), 3 * 512);

/** In virtual time, where all is on one thread; or in a worker of its own. */
const ON_ONE_THREAD = ['--virtual-time', '--seed', '1'],
  IN_A_WORKER = ['--pcpus', '2'];

function start(type: string, commands: string, more = '', how = ON_ONE_THREAD, image = kernel): WarmRingside {
  const definition = join(folder, `${type}.cfg`);
  writeFileSync(
    definition,
    `name = "mini"\ntype = "${type}"\nmemory = 32\nkernel = "${image}"\nextra = "${commands}"\n${more}`,
  );
  const vm = new WarmRingside('boot', ...how, '--timeout', '40', definition);
  onTestFinished(() => vm.kill());
  return vm;
}

describe('minipv', () => {
  it('leaves room for others: all embedded guests together stay under 320 KB', () => {
    const built = [
      'minipv/minipv.elf',
      'minipv/minipv64.elf',
      'demo/demo.elf',
      'demo/demo64.elf',
      'pvtest/pvtest.elf',
      'neighbour/neighbour-pv.elf',
      'neighbour/neighbour-hvm.elf',
      'pcos/pcos.img',
    ];
    expect(built.reduce((sum, name) => sum + statSync(file(`guests/${name}`)).size, 0)).toBeLessThan(320_000);
  });

  it('as a guest of KVM runs its command line, and not the name that QEMU writes before it', async () => {
    const vm = start('hvm', 'ip 10.0.2.9; net', 'kvm = 1\nserial = "pty"\n');
    await vm.expect('minipv> ', 40);
    expect(vm.output.replace(/\r/g, '').trim().split('\n')).toEqual([
      'minipv as PC',
      '10.0.2.9, echoed 0 bytes',
      'minipv>',
    ]);
  });

  it('takes what a pipe brings before it is built, and ends with status 6 when it waits for more that will not come', async () => {
    const definition = join(folder, 'piped.cfg'),
      state = join(folder, 'host');
    writeFileSync(definition, `name = "mini"\ntype = "pvh"\nmemory = 8\nkernel = "${kernel}"\n`);
    // With a disk, whose driver the host waits for.
    const vm = new Ringside('boot', definition, '--virtual-time', '--timeout', '40', '--state', state);
    onTestFinished(() => vm.kill());
    vm.pipe('read domid\r');
    expect(await vm.end(20)).toBe(6);
    expect(vm.output).toContain('minipv> read domid\r\n1');
    expect(vm.errors).toContain('the input has ended');
  });

  it.each([
    ['pv', 'PV', 32],
    ['pvh', 'PVH', 32],
    ['pvh', 'PVH', 64],
  ])('as %s (%s) of %i bits: xenstore, a disk by rings, DHCP and ping, memory, events', async (type, mode, bits) => {
    const commands = [
      'ls device; read name; write data/said hello; read data/said; read data/none',
      `sum xvda 0 ${SECTORS}; sum xvda 5 1000; fill xvda 3 700 9; sum xvda 0 ${SECTORS}; sum xvda 2000 100`,
      'dhcp; ping 10.0.2.2 3; balloon 100; balloon -100; events 5; tables 10; dirty 20 5; writer xvda 8 2; sum xvda 0 8; poweroff',
    ];
    const devices = `disk = [ '${disk},raw,xvda,w' ]\nvif = [ '' ]\n`;
    const vm = start(type, commands.join('; '), devices, ON_ONE_THREAD, bits === 64 ? wideKernel : kernel);
    expect(await vm.end(50)).toBe(0);
    const lines = vm.output.replace(/\r/g, '').trim().split('\n');
    expect(lines[0]).toBe(`minipv as ${mode}`);
    expect(lines[1]).toBe('xvda: 2048 sectors');
    expect(lines[2]).toMatch(/^eth0: 0:16:3e:/);
    const answers = lines.slice(3);
    expect(answers.slice(0, answers.indexOf('mini')).sort()).toEqual(expect.arrayContaining(['vbd', 'vif']));
    expect(answers.slice(answers.indexOf('mini') + 1)).toEqual([
      'hello',
      'ENOENT',
      `xvda: crc ${hex(image)}`,
      `xvda: crc ${hex(image.subarray(5 * 512, 1005 * 512))}`,
      `xvda: crc ${hex(pattern(3, 700, 9))}`,
      `xvda: crc ${hex(overlaid)}`,
      'xvda has 2048 sectors',
      'dhcp: 10.0.2.15',
      'ping: 3 of 3',
      'balloon: 100 pages, 100 given back',
      'balloon: -100 pages, 0 given back',
      'events: 5 of 5',
      type === 'pv' ? 'tables: 10 changes, 0 refused' : 'tables: only a paravirtual guest asks for its page tables',
      'dirty: 20 pages, 5 times',
      'writer: 8 sectors, 2 times, 0 errors',
      `xvda: crc ${hex(new Uint8Array(8 * 512).fill(2))}`,
    ]);
  });

  const volume = '/dev/vg0/mini';
  it.each([
    ['a file, all on one thread', `'${disk},raw,hda,w'`, ON_ONE_THREAD],
    ['a file, its devices in its own worker, 64 bits', `'${disk},raw,hda,w'`, IN_A_WORKER, wideKernel],
    ['a volume of the host, its devices in its own worker', `'phy:${volume},hda,w'`, IN_A_WORKER],
  ])(
    'as HVM: one disk by PIO, DMA and, after the unplug, by rings; PCnet, then netfront: %s',
    async (_name, drive, how, guest = kernel) => {
      const state = mkdtempSync(join(folder, 'state-'));
      const onVolume = drive.includes(volume);
      if (onVolume)
        for (const words of [
          ['lvcreate', '-L', '4M', '-n', 'mini', 'vg0'],
          ['dd', `if=${disk}`, `of=${volume}`],
        ])
          expect(await new WarmRingside('storage', '--state', state, ...words).end(20)).toBe(0);
      const size = onVolume ? 8192 : SECTORS;
      const commands = [
        `sum pio 0 ${SECTORS}; sum dma 0 ${SECTORS}; fill dma 3 700 9; sum pio 0 ${SECTORS}; fill pio 2 10 5; sum dma 2 10`,
        'dhcp; ping 10.0.2.2 3; balloon 10; balloon -10; events 3; read name',
        'unplug; sum pio 0 1; sum hda 2 10; fill hda 2 10 6; sum hda 2 10; dhcp; ping 10.0.2.2 2; poweroff',
      ];
      const devices = `serial = "pty"\ndisk = [ ${drive} ]\nvif = [ '' ]\n`;
      const vm = start('hvm', commands.join('; '), devices, [...how, ...(onVolume ? ['--state', state] : [])], guest);
      expect(await vm.end(50), vm.output).toBe(0);
      const network = /^eth0: 0:16:3e:[0-9a-f]+:[0-9a-f]+:[0-9a-f]+/;
      const lines = vm.output.replace(/\r/g, '').trim().split('\n');
      expect(lines.map(line => line.replace(network, 'eth0'))).toEqual([
        'minipv as HVM',
        `pio: ${size} sectors`,
        `dma: ${size} sectors`,
        'eth0, PCnet',
        `pio: crc ${hex(image)}`,
        `dma: crc ${hex(image)}`,
        `dma: crc ${hex(pattern(3, 700, 9))}`,
        `pio: crc ${hex(overlaid)}`,
        `pio: crc ${hex(pattern(2, 10, 5))}`,
        `dma: crc ${hex(pattern(2, 10, 5))}`,
        'dhcp: 10.0.2.15',
        'ping: 3 of 3',
        'balloon: 10 pages, 10 given back',
        'balloon: -10 pages, 0 given back',
        'events: 3 of 3',
        'mini',
        `hda: ${size} sectors`,
        'eth0',
        'no disk pio',
        `hda: crc ${hex(pattern(2, 10, 5))}`,
        `hda: crc ${hex(pattern(2, 10, 6))}`,
        `hda: crc ${hex(pattern(2, 10, 6))}`,
        'dhcp: 10.0.2.15',
        'ping: 2 of 2',
      ]);
    },
  );

  it.each([
    ['PCnet to netfront', '', 'unplug; ', 128],
    ['netfront to PCnet', 'unplug; ', '', 128],
    ['netfront to netfront', 'unplug; ', 'unplug; ', 640],
  ])('sends TCP in bulk, %s, and the sums agree', async (_name, one, two, kib) => {
    const definitions = [
      `${one}ip 10.0.2.101; sleep 200; stream 10.0.2.102 ${kib} sum; poweroff`,
      `${two}ip 10.0.2.102; serve sum; poweroff`,
    ].map((commands, i) => {
      const path = join(folder, `stream${i}.cfg`);
      writeFileSync(
        path,
        `name = "stream${i}"\ntype = "hvm"\nmemory = 16\nkernel = "${i === 0 ? wideKernel : kernel}"\nserial = "pty"\nextra = "${commands}"\nvif = [ '' ]\n`,
      );
      return path;
    });
    const vm = new WarmRingside('boot', '--virtual-time', '--seed', '1', '--timeout', '40', ...definitions);
    onTestFinished(() => vm.kill());
    expect(await vm.end(50), vm.output).toBe(0);
    const sent = /stream: (\d+) KiB in \d+ us, sent again 0 times, crc ([0-9a-f]+)/.exec(vm.output);
    expect(sent, vm.output).not.toBeNull();
    expect(vm.output).toContain(`serve: ${kib} KiB, crc ${sent![2]}`);
    // What `stream` sends: word i is i × 2654435761, and all begins anew after 513,920 bytes.
    const span = new Uint32Array(513920 / 4);
    for (let i = 0; i < span.length; i++) span[i] = Math.imul(i, 2654435761);
    const bytes = new Uint8Array(span.buffer);
    const whole = Uint8Array.from({ length: kib * 1024 }, (_, i) => bytes[i % bytes.length]);
    expect(sent!.slice(1)).toEqual([String(kib), hex(whole)]);
  });

  it('answers what is typed at its console', async () => {
    const vm = new WarmRingside('boot', '--type', 'pvh', '--memory', '16', kernel);
    onTestFinished(() => vm.kill());
    await vm.expect('minipv> ', 20);
    vm.send('read domid\r');
    await vm.expect('minipv> ', 10);
    expect(vm.output).toMatch(/read domid\r\n\d+\r\nminipv> $/);
    vm.send('poweroff\r');
    expect(await vm.end(10)).toBe(0);
  });

  // A guest without a suspend of its own is stopped where it stands, and what it named in machine frames is named anew.
  it.each([
    ['pv', kernel],
    ['pvh', wideKernel],
    ['hvm', kernel],
  ])('as %s is saved to a file at its prompt, and answers when it is restored', async (type, image) => {
    const state = join(folder, `${type}.state`);
    const definition = join(folder, `saved-${type}.cfg`);
    writeFileSync(definition, `name = "mini"\ntype = "${type}"\nmemory = 8\nkernel = "${image}"\n`);
    const run = (...how: string[]): WarmRingside => {
      const vm = new WarmRingside('boot', '--timeout', '40', ...how);
      onTestFinished(() => vm.kill());
      return vm;
    };
    expect(await run(definition, '--until', 'minipv> ', '--save', state).end(20)).toBe(0);
    const again = run('--restore', state, '--until', 'no such thing');
    again.send('read name\rno such thing\r');
    expect(await again.end(20), again.errors).toBe(0);
    expect(again.output).toContain('mini\r\n');
  });
});
