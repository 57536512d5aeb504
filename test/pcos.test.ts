/** The system of guests/pcos: its shell, files, cards, tasks and pictures under our BIOS, and in QEMU. Under SeaBIOS: test/guests/bios.guest.ts. */
import { spawn, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { WarmRingside } from './support/command-line.ts';
import { file } from './support/needs.ts';
import { decodePng } from './support/png.ts';
import { patient } from './support/patience.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringside-pcos-'));
afterAll(() => rmSync(folder, { recursive: true }));
const IMAGE = file('guests/pcos/pcos.img');
const PROMPT = 'pcos> ';

/** Boots it, does what a script says, and switches it off; what its console has shown. */
async function run(name: string, lines: string[], ...options: string[]): Promise<string> {
  const script = join(folder, `${name}.script`);
  writeFileSync(script, [`expect ${PROMPT}`, ...lines, 'send off\\n', ''].join('\n'));
  const vm = new WarmRingside(
    'boot',
    ...(options.length > 0 ? options : [IMAGE]),
    '--memory',
    '16',
    '--virtual-time',
    '--timeout',
    '60',
    '--script',
    script,
  );
  onTestFinished(() => vm.kill());
  expect(await vm.end(60), vm.errors + vm.output.slice(-1500)).toBe(0);
  return vm.output.replaceAll('\r', '');
}

describe('pcos', () => {
  it('has, with the boot sectors, sources and bytes of less than 200 KB', () => {
    const files = ['guests/pcos', 'guests/bootsectors'].flatMap(path =>
      readdirSync(file(path), { recursive: true, withFileTypes: true })
        .filter(each => each.isFile())
        .map(each => join(each.parentPath, each.name)),
    );
    expect(files.reduce((sum, path) => sum + statSync(path).size, 0)).toBeLessThan(200_000);
  });

  it('takes commands from the keyboard, and tells of processor, memory and the PCI bus', async () => {
    const said = await run('keys', [
      'key c p u enter',
      'expect Interrupts',
      'key m e m enter',
      'expect nowhere',
      'key p c i enter',
      'expect VGA',
      'key n o enter',
      'expect help lists',
    ]);
    expect(said).toContain('GenuineIntel, family 6');
    expect(said).toMatch(/IRQ 1: [1-9]/);
    expect(said).toMatch(/15\d{3} of 15\d{3} KiB above 1 MiB are free/);
    expect(said).toContain('8086:7010  0101 IDE');
    expect(said).toContain("There is no command 'no': help lists them.");
  });

  it('reads and writes files of its IDE disk, which others can read, and finds them after a reboot', async () => {
    const disk = join(folder, 'disk.img');
    copyFileSync(IMAGE, disk);
    const said = await run(
      'files',
      [
        'send ls\\n',
        'expect bytes free',
        'send write notes.txt one line of text\\n',
        `expect ${PROMPT}`,
        'send rm tour.txt\\n',
        `expect ${PROMPT}`,
        'send reboot\\n',
        'wait 3000',
        'send cat notes.txt\\n',
        'expect \\none line of text',
        'send cat tour.txt\\n',
        'expect no such file',
        'send write much.too.long x\\n',
        'expect at most eight',
      ],
      '--disk',
      `${disk},rw`,
    );
    expect(said).toMatch(/332 {2}2026-01-01 {2}readme\.txt/);
    const bytes = readFileSync(disk);
    // The partition's root directory, and the file's first cluster, by the FAT that stands there.
    const volume = bytes.subarray(bytes.readUInt32LE(0x1be + 8) * 512);
    const root = (volume.readUInt16LE(14) + volume[16]! * volume.readUInt16LE(22)) * 512;
    const data = root + volume.readUInt16LE(17) * 32;
    const entries = Array.from({ length: 8 }, (_, i) => volume.subarray(root + i * 32, root + i * 32 + 32));
    const entry = entries.find(each => each.toString('latin1', 0, 11) === 'NOTES   TXT')!;
    const text = data + (entry.readUInt16LE(26) - 2) * 512;
    expect(volume.toString('latin1', text, text + entry.readUInt32LE(28))).toBe('one line of text\n');
    expect(entries.some(each => each.toString('latin1', 0, 8) === 'TOUR    ')).toBe(false);
    const [one, other] = [1, 2].map(i => volume.subarray(i * 512, i * 512 + 512));
    expect(one!.equals(other!)).toBe(true);
  });

  it.each(['pcnet', 'ne2k_pci'])('asks for an address on %s, and pings the gateway', async nic => {
    const said = await run(
      nic,
      ['send net\\n', 'send dhcp\\n', 'expect eth0 has', 'send ping 10.0.2.2\\n', 'expect sent, '],
      IMAGE,
      '--nic',
      nic,
    );
    expect(said).toMatch(nic === 'pcnet' ? /eth0 {2}PCnet / : /eth0 {2}NE2000 /);
    expect(said.match(/10\.0\.2\.2 answered eth0 in/g), said).toHaveLength(4);
    expect(said).toContain('4 sent, 0 lost');
  });

  it.each(['pcnet', 'ne2k_pci'])('takes an address by hand on %s, and says what is not there', async nic => {
    const said = await run(
      'hand',
      [
        'send ping 10.0.2.2\\n',
        'expect dhcp asks',
        'send ip eth0 10.0.2.99 255.255.255.0 10.0.2.2\\n',
        `expect ${PROMPT}`,
        'send ping 10.0.2.2\\n',
        'expect 4 sent, 0 lost',
        'send ping 10.0.2.77\\n',
        'expect Nobody there',
        'send ping nowhere\\n',
        'expect is no address',
      ],
      IMAGE,
      '--nic',
      nic,
    );
    expect(said).toContain('10.0.2.2 answered eth0');
  });

  it('goes on with other tasks while one works, and ends a task that faults or has no stack left', async () => {
    const said = await run('tasks', [
      'send spin\\n',
      'expect until kill 4',
      'send spin\\n',
      'expect until kill 5',
      'wait 300',
      'send tasks\\n',
      `expect ${PROMPT}`,
      'send peek 0\\n',
      'expect where nothing is',
      'send poke 0x10000\\n',
      'expect without leave',
      'send deep\\n',
      'expect used up',
      'send deep\\n',
      'expect used up',
      'send kill 3\\n',
      'expect has to stay',
      'send kill 4\\n',
      `expect ${PROMPT}`,
      'send kill 5\\n',
      `expect ${PROMPT}`,
      'send tasks\\n',
      `expect ${PROMPT}`,
    ]);
    const had = [...said.matchAll(/ [45] {2}spin {8}ready {3}\s*(\d+)/g)].map(([, count]) => Number(count));
    expect(had).toHaveLength(2);
    // Both have worked in turns.
    for (const count of had) expect(count).toBeGreaterThan(5);
    expect(said.slice(said.lastIndexOf('ID  NAME'))).not.toContain('spin');
  });

  it('draws in mode 13h, and finds its text again', async () => {
    const [picture, text] = ['picture', 'text'].map(name => join(folder, `${name}.png`));
    await run('draw', [
      'send draw\\n',
      'wait 200',
      `key ${'right '.repeat(5)}`,
      'wait 100',
      `screenshot ${picture}`,
      'key q',
      'wait 200',
      'send help\\n',
      'wait 200',
      `screenshot ${text}`,
    ]);
    const { width, height, rgb } = decodePng(readFileSync(picture!));
    expect([width, height]).toEqual([320, 200]);
    const colours = Array.from({ length: 20 }, (_, x) =>
      rgb.subarray((100 * 320 + 160 + x) * 3, (100 * 320 + 160 + x) * 3 + 3).toString('hex'),
    );
    // Colour 14 of the text mode's: yellow.
    expect(new Set(colours)).toEqual(new Set(['ffff55']));
    const after = decodePng(readFileSync(text!));
    expect([after.width, after.height]).toEqual([640, 400]);
    expect(
      new Set(Array.from({ length: 640 }, (_, x) => after.rgb.readUIntBE((200 * 640 + x) * 3, 3))).size,
    ).toBeGreaterThan(1);
  });

  it('boots from a floppy disk, too', async () => {
    const floppy = join(folder, 'floppy.img');
    copyFileSync(IMAGE, floppy);
    truncateSync(floppy, 1_474_560);
    expect(await run('floppy', ['send ls\\n', 'expect no IDE disk'], '--fda', floppy, '--boot', 'a')).toContain(
      'Files: There is no IDE disk.',
    );
  });

  it.skipIf(spawnSync('qemu-system-i386', ['--version']).status !== 0)(
    'runs in QEMU: files, both cards, tasks',
    async () => {
      const cards = ['pcnet', 'ne2k_pci'].flatMap((model, i) => [
        '-netdev',
        `user,id=n${i}`,
        '-device',
        `${model},netdev=n${i}`,
      ]);
      const qemu = spawn('qemu-system-i386', [
        '-display',
        'none',
        '-m',
        '32',
        '-drive',
        `file=${IMAGE},format=raw,snapshot=on`,
        ...cards,
        '-serial',
        'stdio',
        '-no-reboot',
      ]);
      onTestFinished(() => void qemu.kill('SIGKILL'));
      let said = '';
      let seen = 0;
      const ended = new Promise(resolve => qemu.on('close', resolve));
      qemu.stdout.on('data', data => {
        said += data;
      });
      const until = (text: string) =>
        expect
          .poll(() => said.indexOf(text, seen), { timeout: patient(60_000), message: text })
          .toBeGreaterThanOrEqual(0)
          .then(() => {
            seen = said.indexOf(text, seen) + text.length;
          });
      await until(PROMPT);
      for (const [line, answer] of [
        ['write a.txt more text', PROMPT],
        ['cat a.txt', '\nmore text'],
        ['dhcp eth0', 'eth0 has 10.0.2.15'],
        ['ping 10.0.2.2 eth0', '4 sent, 0 lost'],
        ['dhcp eth1', 'eth1 has 10.0.2.15'],
        ['ping 10.0.2.2 eth1', '4 sent, 0 lost'],
        ['peek 0', 'where nothing is'],
        ['deep', 'used up'],
      ] as const) {
        qemu.stdin.write(`${line}\r`);
        await until(answer);
      }
      qemu.stdin.write('off\r');
      await ended;
      // Station addresses as QEMU counts them.
      for (const card of ['PCnet   52:54:00:12:34:56', 'NE2000  52:54:00:12:34:57']) expect(said).toContain(card);
    },
  );
});
