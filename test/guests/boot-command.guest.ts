/** `ringside boot` as a person runs it: its output, its status and its files. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { readState } from '../../src/hypervisor/index.ts';
import { imageKind } from '../../src/cli/boot/disks.ts';
import {
  print,
  pvhKernel,
  say,
  shutdown,
  waitForKey,
} from '../../src/hypervisor/interfaces/xen/pvh-kernel.test-support.ts';
import { Ringside, WarmRingside } from '../support/command-line.ts';

const command = fileURLToPath(new URL('../../bin/ringside.mjs', import.meta.url));
const demo = fileURLToPath(new URL('../../guests/demo/demo.cfg', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'ringside-boot-'));
afterAll(() => rmSync(folder, { recursive: true }));
const place = (name: string): string => join(folder, name);
const written = (name: string, data: string | Uint8Array): string => {
  writeFileSync(place(name), data);
  return place(name);
};

interface Result {
  status: number;
  out: string;
  err: string;
}

/** Runs `ringside boot …`; `answer` sees the output so far and gives what is typed next, or nothing. `Command`: a process of its own, or one that ran others. */
async function boot(
  args: string[],
  answer: (out: string, typed: number) => string | undefined = () => undefined,
  Command: typeof Ringside | typeof WarmRingside = WarmRingside,
): Promise<Result> {
  const vm = new Command('boot', ...args);
  let typed = 0;
  vm.onText = () => {
    const text = answer(vm.output, typed);
    if (text === undefined) return;
    typed++;
    vm.send(text);
  };
  const status = await vm.end(USUAL_SECONDS);
  return { status, out: vm.output, err: vm.errors };
}
const USUAL_SECONDS = 100;

/** A multiboot 1 kernel of these bytes, entered at 1 MiB + 0x20 in 32-bit protected mode. */
function kernel(code: number[]): Uint8Array {
  const bytes = new Uint8Array(0x20 + code.length);
  const view = new DataView(bytes.buffer);
  [
    0x1badb002,
    0x10000,
    -(0x1badb002 + 0x10000),
    0x100000,
    0x100000,
    0x100000 + bytes.length,
    0x100000 + bytes.length,
    0x100020,
  ].forEach((word, i) => view.setInt32(i * 4, word | 0, true));
  bytes.set(code, 0x20);
  return bytes;
}
const OUT = (port: number, value: number): number[] => [0x66, 0xba, port & 255, port >> 8, 0xb0, value, 0xee];

describe('ringside boot', () => {
  it('runs a guest from an xl configuration, types at it, and ends with 0 at power-off', async () => {
    const { status, out } = await boot(
      [demo, '--timeout', '60'],
      (seen, typed) => (seen.split('demo> ').length - 1 > typed ? ['date\r', 'poweroff\r'][typed] : undefined),
      Ringside,
    );
    expect(out).toContain('The real-time clock says');
    expect(status).toBe(0);
  });

  it('repeats itself to the instruction in virtual time', async () => {
    const run = async (): Promise<[number, string, string]> => {
      const { status, out } = await boot([
        demo,
        '--virtual-time',
        '--seed',
        '7',
        '--until',
        'demo> ',
        '--stats',
        place('stats.json'),
        '--timeout',
        '60',
      ]);
      const { instructions, exitsByReason } = JSON.parse(readFileSync(place('stats.json'), 'utf8'));
      expect(instructions).toBeGreaterThan(100_000);
      return [status, out, JSON.stringify([instructions, exitsByReason])];
    };
    const first = await run();
    expect(first[0]).toBe(0);
    expect(first[1].endsWith('demo> ')).toBe(true);
    expect(await run()).toEqual(first);
  });

  it('saves where it is told to, and goes on in a new process as if nothing had been', async () => {
    const whole = await boot([demo, '--virtual-time', '--until', 'demo> ', '--stats', place('whole.json')]);
    const head = await boot([
      demo,
      '--virtual-time',
      '--save',
      place('state'),
      '--save-at',
      '100000',
      '--stats',
      place('head.json'),
    ]);
    expect(head.status).toBe(0);
    expect(JSON.parse(readFileSync(place('head.json'), 'utf8')).instructions).toBe(100_000);
    const tail = await boot(
      ['--virtual-time', '--restore', place('state'), '--until', 'demo> ', '--stats', place('tail.json')],
      undefined,
      Ringside,
    );
    expect(tail.status).toBe(0);
    expect(head.out + tail.out).toBe(whole.out);
    expect(JSON.parse(readFileSync(place('tail.json'), 'utf8')).instructions).toBe(
      JSON.parse(readFileSync(place('whole.json'), 'utf8')).instructions,
    );
  });

  it.each([
    ['isa-debug-exit gives (value << 1) | 1', OUT(0xf4, 0x10), [], 33, '', ''],
    ['a reset starts again, or ends with 0', OUT(0xcf9, 6), ['--no-reboot'], 0, '', ''],
    // LIDT of a table without entries, then INT 3.
    [
      'a triple fault ends with 4 and a report',
      [0x0f, 0x01, 0x1d, 0x29, 0, 0x10, 0, 0xcc, 0xf4, 0, 0, 0, 0, 0, 0],
      [],
      4,
      '',
      'Triple fault',
    ],
    [
      'a guest that nothing can wake ends with 6',
      [...OUT(0x3f8, 0x48), 0xfa, 0xf4],
      [],
      6,
      'H',
      'halted with interrupts off',
    ],
    ['a time-out ends with 124', [0xeb, 0xfe], ['--timeout', '0.5'], 124, '', 'time-out after 0.5 s'],
    [
      'a text that is seen ends with 0',
      [...OUT(0x3f8, 0x48), ...OUT(0x3f8, 0x69), 0xeb, 0xfe],
      ['--until', 'Hi'],
      0,
      'Hi',
      '',
    ],
    ['port 0xE9 can be seen', [...OUT(0xe9, 0x48), ...OUT(0xf4, 0)], ['--debugcon', '-'], 1, 'H', ''],
  ] as const)('%s', async (name, code, options, status, out, err) => {
    const result = await boot([written(`${name.slice(0, 8).replace(/\W/g, '')}.elf`, kernel([...code])), ...options]);
    expect(result).toMatchObject({ status, out });
    expect(result.err).toContain(err);
  });

  it.each([
    ['power-off', 'pvh', shutdown(0), [], 0],
    ['power-off', 'hvm', shutdown(0), [], 0],
    ['a reboot that is not wanted', 'pvh', shutdown(1), ['--no-reboot'], 0],
    ['a crash', 'pvh', shutdown(3), [], 4],
    ['a crash', 'hvm', shutdown(3), [], 4],
    ["the watchdog's end", 'pvh', shutdown(4), [], 4],
    ['the last processor halts for good', 'hvm', [0xfa, 0xf4, 0, 0, 0, 0, 9], [], 0],
  ] as const)(
    'ends with the status that SCHEDOP_shutdown asks for: %s (%s)',
    async (_name, type, code, options, status) => {
      const file = written(`${type}${status}${code[6]}.elf`, pvhKernel([...say('hey\n'), ...OUT(0xe9, 0x42), ...code]));
      const result = await boot(['--type', type, '--kernel', file, ...options, '--timeout', '30']);
      expect([result.status, result.out]).toEqual([status, '(d1) hey\n(d1) B\n']);
    },
  );

  it('types at the PV console of a guest that has no serial port', async () => {
    const file = written('key.elf', pvhKernel([...print('key?'), ...waitForKey(), ...shutdown(0)]));
    const { status, out } = await boot(['--type', 'pvh', file, '--timeout', '30'], (seen, typed) =>
      seen.includes('key?') && typed === 0 ? 'y' : undefined,
    );
    expect([status, out]).toEqual([0, 'key?']);
  });

  it('starts several guests at once, says whose line it is, and ends with the highest status', async () => {
    const one = written('one.elf', pvhKernel([...say('one\n'), ...shutdown(0)])),
      two = written('two.elf', pvhKernel([...say('two\n'), ...shutdown(3)]));
    const result = await boot(['--type', 'pvh', one, two, '--timeout', '30']);
    expect(result.status).toBe(4);
    expect(result.out.split('\n').sort()).toEqual(['', 'one: (d1) one', 'two: (d2) two']);
  });

  it('starts a guest of Xen again as a new domain when it asks for a reboot', async () => {
    const file = written('again.elf', pvhKernel([...say('up!\n'), ...shutdown(1)]));
    const result = await boot(['--type', 'pvh', file, '--until', '(d3) up!']);
    expect(result.status).toBe(0);
    expect(result.out.startsWith('(d1) up!\n(d2) up!\n')).toBe(true);
    expect(result.err).toMatch(
      /^ringside: again: The guest asked for a reboot\. Domain 1 starts again as domain 2\.\nringside: again: The guest asked for a reboot\. Domain 2 starts again as domain 3\./,
    );
  });

  // LIDT of an empty table, then INT 3.
  const TRIPLE_FAULT = [0x0f, 0x01, 0x1d, 0, 0x90, 0, 0, 0xcc];

  it.each(['pvh', 'hvm'])(
    'says of each restart after a triple fault what Xen says, and counts over restarts (%s)',
    async type => {
      const file = written(`loop-${type}.elf`, pvhKernel([...say('up!\n'), ...TRIPLE_FAULT]));
      const result = await boot(['--type', type, file, '--until', '(d3) up!', '--stats', place('loop.json')]);
      expect(result.status).toBe(0);
      // hvm_triple_fault(): the words, and the shutdown code of its parameter, which is a reboot.
      expect(result.out.split('\n').slice(0, 3)).toEqual([
        '(d1) up!',
        '(XEN) d1v0 Triple fault - invoking HVM shutdown action 1',
        '(d2) up!',
      ]);
      const restarts =
        result.err.match(
          /^ringside: loop-.*: Triple fault \(exit 2\): .* EIP was 0x[0-9a-f]+\. Domain \d+ starts again as domain \d+\.$/gm,
        ) ?? [];
      const stats = JSON.parse(readFileSync(place('loop.json'), 'utf8'));
      expect(restarts.length).toBeGreaterThan(1);
      expect(stats.restarts).toBe(restarts.length);
      expect(stats.exitsByReason.TRIPLE_FAULT).toBe(restarts.length);
    },
  );

  it.each([
    ['on_reboot = "destroy"', ['on_reboot = "destroy"'], []],
    ['on_reboot = "preserve"', ['on_reboot = "preserve"'], []],
    ['--no-reboot', [], ['--no-reboot']],
    ['--no-reboot and on_crash = "restart"', ['on_crash = "restart"'], ['--no-reboot']],
  ])('ends with 4 and the report after a triple fault with %s', async (_name, lines, options) => {
    written('fault.elf', pvhKernel(TRIPLE_FAULT));
    const cfg = written(
      'fault.cfg',
      ['name = "fault"', 'type = "pvh"', 'memory = 8', 'kernel = "fault.elf"', ...lines, ''].join('\n'),
    );
    const { status, err } = await boot([cfg, ...options, '--timeout', '30']);
    expect(status).toBe(4);
    expect(err).toMatch(/^\nringside: Triple fault \(exit 2\): .*\n(.*\n)* {2}eip 0010000[0-9a-f] /);
  });

  it.each([
    ['on_crash', shutdown(3), 'The guest called SCHEDOP_shutdown with SHUTDOWN_crash.'],
    ['on_poweroff', shutdown(0), 'The guest powered off.'],
  ])('does what %s says, says so, and stops where that leads nowhere', async (key, code, why) => {
    written('action.elf', pvhKernel([...code]));
    const cfg = written(
      'action.cfg',
      `name = "action"\ntype = "pvh"\nmemory = 8\nkernel = "action.elf"\n${key} = "restart"\n`,
    );
    const { status, err } = await boot([cfg, '--timeout', '30']);
    const [first, ...others] = err.split('\n');
    expect([status, first]).toEqual([4, `ringside: action: ${why} Domain 1 starts again as domain 2.`]);
    expect(others.join('\n')).toContain(`${why} It came to this 9 times, each within a second of its start`);
  });

  it('does so with a restored guest, too', async () => {
    written('kept.elf', pvhKernel([...say('up!\n'), ...shutdown(1)]));
    const cfg = written(
      'kept.cfg',
      'name = "kept"\ntype = "pvh"\nmemory = 8\nkernel = "kept.elf"\non_reboot = "destroy"\n',
    );
    expect((await boot([cfg, '--virtual-time', '--save', place('kept.save'), '--save-at', '2'])).status).toBe(0);
    expect(await boot(['--virtual-time', '--restore', place('kept.save'), '--timeout', '30'])).toMatchObject({
      status: 0,
      out: '(d1) up!\n',
      err: '',
    });
  });

  it('says so where several guests in workers are started again, too', async () => {
    const file = written('worker.elf', pvhKernel([...say('up!\n'), ...TRIPLE_FAULT])),
      other = written('other.elf', pvhKernel([...say('half'), ...shutdown(0)]));
    const { out, err } = await boot(['--type', 'pvh', file, other, '--pcpus', '2', '--no-reboot']);
    expect(out.split('\n').sort()).toEqual([
      '',
      'other: (d2) half',
      'worker: (XEN) d1v0 Triple fault - invoking HVM shutdown action 1',
      'worker: (d1) up!',
    ]);
    expect(err).toContain('ringside: Triple fault (exit 2)');
    const again = await boot(['--type', 'pvh', file, other, '--pcpus', '2', '--until', '(d3) up!']);
    expect(again.status).toBe(0);
    expect(again.err).toMatch(/ringside: worker: Triple fault \(exit 2\): .* starts again as domain \d+\./);
  });

  it.each([
    ['power-off', shutdown(0), [], 1, 'ended and “nothing” was not seen: The guest powered off.'],
    ['a reset', shutdown(1), ['--no-reboot'], 1, 'ended and “nothing” was not seen: The guest asked for a reboot.'],
    ['a crash', shutdown(3), [], 4, 'The guest called SCHEDOP_shutdown with SHUTDOWN_crash.'],
    [
      'a value for isa-debug-exit',
      [...OUT(0xf4, 1)],
      [],
      3,
      'ended and “nothing” was not seen: The guest wrote 1 to isa-debug-exit.',
    ],
  ] as const)(
    'tells a guest that ends without the text from one that showed it: %s',
    async (name, code, options, status, sentence) => {
      const debugExit = status === 3;
      const file = written('until.elf', debugExit ? kernel([...code]) : pvhKernel([...code]));
      const result = await boot([
        ...(debugExit ? [] : ['--type', 'pvh']),
        file,
        '--until',
        'nothing',
        '--timeout',
        '30',
        ...options,
      ]);
      expect([name, result.status]).toEqual([name, status]);
      expect(result.err).toContain(sentence);
    },
  );

  it('says what a definition asks for and does not get, also where an option changes its type', async () => {
    written('said.elf', pvhKernel(shutdown(0)));
    written('said.img', new Uint8Array(4096));
    const path = written(
      'said.cfg',
      'name = "said"\ntype = "hvm"\nmemory = 16\nkernel = "said.elf"\nsoundhw = "ac97"\nvga = "cirrus"\ndisk = [ "said.img,raw,hda" ]\nvif = [ "bridge=virbr0" ]\nmax_grant_frames = 2\n',
    );
    const { status, err } = await boot(['--config', path, '--type', 'pvh', '--timeout', '30']);
    expect([status, err.trimEnd().split('\n')]).toEqual([
      0,
      [
        `${path}:2:1: type (ignored): type = 'hvm' gives way to the option on the command line: type = 'pvh'.`,
        `${path}:5:1: soundhw (ignored): soundhw is for guests of other types: a PVH guest has nothing that it could change.`,
        `${path}:6:1: vga (ignored): vga is for guests of other types: a PVH guest has nothing that it could change.`,
        `${path}:7:10: disk (approximated): hda is a virtual disk for the guest's PV drivers. What the guest writes is kept in memory, and by a page in its storage; the file stays as it is.`,
        `${path}:8:9: vif (approximated): The guest gets a PV card (xen-netfront) with a station address drawn in 00:16:3e, on the bridge xenbr0 with the other guests and a gateway: DHCP, DNS, TFTP and ping, no way further.`,
        `${path}:8:10: vif.bridge (approximated): The card is on libvirt’s virbr0, and on xenbr0 where there is none.`,
        `${path}:9:1: max_grant_frames (approximated): A guest has 64 grant frames, Xen's default.`,
      ],
    ]);
  });

  it('gives cards addresses by the seed, and refuses two guests that name the same', async () => {
    written('card.elf', kernel([0xeb, 0xfe]));
    const guest = (name: string, vif: string): string =>
      written(`${name}.cfg`, `name = "${name}"\ntype = "hvm"\nmemory = 16\nkernel = "card.elf"\nvif = [ "${vif}" ]\n`);
    const { status, err } = await boot([guest('a', 'mac=00:16:3E:00:00:07'), guest('b', 'mac=00:16:3e:00:00:07')]);
    expect([status, err.trimEnd().split('\n').at(-1)]).toEqual([
      2,
      'ringside: a and b have the same station address, 00:16:3e:00:00:07. Give one of them another, or leave mac out: then one is drawn.',
    ]);
    const addressOf = async (file: string, ...options: string[]): Promise<string | undefined> => {
      expect(
        (await boot([file, '--virtual-time', '--save', place('card.save'), '--save-at', '5', ...options])).status,
      ).toBe(0);
      return readState(readFileSync(place('card.save')), 'card.save').about.cards?.[0]?.mac;
    };
    const drawn = await addressOf(guest('c', ''), '--seed', '7');
    expect(drawn).toMatch(/^00:16:3e:[0-7]/);
    expect(await addressOf(guest('c', ''), '--seed', '7')).toBe(drawn);
    expect(await addressOf(guest('c', ''), '--seed', '8')).not.toBe(drawn);
    expect(await addressOf(guest('a', 'mac=00:16:3E:00:00:07'))).toBe('00:16:3e:00:00:07');
  });

  it('refuses a definition that is too long or too deep before it judges it', async () => {
    const long = written('long.cfg', 'a = 1\n'.repeat(1_000_000)),
      deep = written('deep.cfg', `name = "deep"\nvnuma = ${'['.repeat(100_000)}\n`);
    expect(await boot([long])).toMatchObject({
      status: 2,
      err: `ringside: ${long}: A definition has at most 256 KiB, and this file is longer, so it was not read. Take an xl configuration (xl.cfg).\n`,
    });
    expect((await boot([deep])).err).toContain(`${deep}:2:41: Lists are nested here more than 32 deep`);
  });

  it('refuses what needs VT on a computer without it', async () => {
    const file = written('novt.elf', pvhKernel(shutdown(0)));
    for (const type of ['pvh', 'hvm']) {
      const { status, err } = await boot(['--type', type, file, '--no-vt']);
      expect([status, err.trimEnd().split('\n')]).toEqual([
        2,
        [expect.stringContaining('is VT/AMD-V supported by your CPU and enabled in your BIOS?')],
      ]);
    }
    const pv = await boot(['--type', 'pv', file, '--no-vt']);
    expect([pv.status, pv.err]).toEqual([2, expect.stringContaining('no entry for a paravirtual guest (note ENTRY)')]);
  });

  it('ends at once on a signal', async () => {
    const child = spawn(process.execPath, [command, 'boot', demo], { stdio: ['pipe', 'pipe', 'ignore'] });
    const status = new Promise(resolve => child.on('close', resolve));
    child.stdout.once('data', () => child.kill('SIGTERM'));
    expect(await status).toBe(143);
  });

  it('starts firmware at the reset vector', async () => {
    const image = new Uint8Array(65536).fill(0xf4);
    // FFFF:0000: jmp near to F000:0000, which writes to the debug console from the copy below 1 MiB.
    image.set([0xea, 0, 0, 0, 0xf0], 0xfff0);
    image.set([...[0x42, 0x49].flatMap(byte => [0xb0, byte, 0xe6, 0xe9]), 0xb0, 3, 0xe6, 0xf4], 0);
    const result = await boot([
      '--bios',
      written('bios.bin', image),
      '--debugcon',
      place('debug.txt'),
      '--memory',
      '4',
    ]);
    expect(result).toMatchObject({ status: 7, err: '' });
    expect(readFileSync(place('debug.txt'), 'utf8')).toBe('BI');
    expect(await boot(['--bios', written('short.bin', image.subarray(1))])).toMatchObject({
      status: 2,
      err: 'ringside: short.bin has 65535 bytes; a firmware image has 64 KiB to 16 MiB, in whole blocks of 4096 bytes. Take another file.\n',
    });
  });

  it("takes a disk with partitions for a disk, also where a multiboot header lies behind its boot sector, as in GRUB's core image", async () => {
    const image = new Uint8Array(65536);
    image.set(kernel(OUT(0xf4, 0)), 512);
    // Partition 1: active, Linux, from sector 64 on; the boot sector's signature.
    image.set([0x80, 0, 0, 0, 0x83, 0, 0, 0, 64, 0, 0, 0, 64], 0x1be);
    image.set([0x55, 0xaa], 510);
    expect(imageKind(written('partitions.img', image))).toBe('disk');
    expect(imageKind(written('none.img', image.fill(0, 0x1be, 510)))).toBe(undefined);
  });

  it('lists all errors of a definition with line and column', async () => {
    const path = written(
      'web2.cfg',
      `name = "web2"\ntype = "pv"\nmemory = '2G'\nkernel = "nowhere"\nsoundhw = "ac97"\nvcpus = "2x"\n`,
    );
    const { status, err } = await boot([path]);
    expect(status).toBe(2);
    expect(err.split('\n')).toEqual([
      `${path}:3:10: memory = '2G': xl takes MiB as a number. Write 2048.`,
      `${path}:4:10: kernel = 'nowhere': ${place('nowhere')} does not exist; check the path.`,
      `${path}:6:9: vcpus = '2x': xl takes a number here.`,
      'web2 was not created; 3 errors, 1 key ignored.',
      '',
    ]);
  });

  it.each([
    ['nothing to start', [], /^ringside: There is nothing to start/],
    [
      'an unknown option',
      ['--memroy', '1'],
      /^ringside: --memroy is no option of ringside boot\. Did you mean --memory\?$/,
    ],
    ['a missing kernel', ['--kernel', 'nosuch'], /^ringside: nosuch does not exist; check the path \(--kernel\)\.$/],
    ['a truncated state', ['--restore', 'CUT'], /^ringside: .*cut is cut short: .* at byte \d+/],
    ['no kernel at all', ['TEXT'], /^ringside: text is not a kernel: .*looks like a text file\./],
    ['a CD that is none', ['--cdrom', 'TEXT'], /^ringside: .*text is no CD image: .*\(--cdrom\)\.$/],
    [
      'a disk that nothing boots from',
      ['--disk', 'TEXT'],
      /^ringside: .*text is not bootable: its first sector does not end in 55 AA\. .* --no-signature-check /,
    ],
    ['a missing disk', ['--disk', 'nosuch'], /^ringside: nosuch does not exist; check the path \(--disk\)\.$/],
    [
      'a wrong number',
      ['--memory', '99999', 'x'],
      /^ringside: --memory takes a whole number from 1 to 2047, not "99999"\.$/,
    ],
  ] as const)('says in one sentence what is wrong: %s', async (_name, args, sentence) => {
    const cut = Buffer.from('Xen saved domain, xl format\n \0 \r');
    const files: Record<string, string> = { CUT: written('cut', cut), TEXT: written('text', 'just some words\n') };
    const { status, out, err } = await boot(args.map(arg => files[arg] ?? arg));
    expect(status).toBe(2);
    expect(out).toBe('');
    expect(err.trimEnd().split('\n')).toHaveLength(1);
    expect(err.trimEnd()).toMatch(sentence);
  });

  it('refuses an initrd that does not fit, and a kernel that is cut', async () => {
    const elf = readFileSync(demo.replace('.cfg', '.elf'));
    const big = await boot([
      '--kernel',
      demo.replace('.cfg', '.elf'),
      '--memory',
      '8',
      '--initrd',
      written('big', new Uint8Array(9 << 20).fill(1)),
    ]);
    expect(big.status).toBe(2);
    expect(big.err).toMatch(/^ringside: .*big.* Write --memory 1\d or more\.\n$/);
    const cut = await boot([written('cut.elf', elf.subarray(0, 6000))]);
    expect(cut.status).toBe(2);
    expect(cut.err).toMatch(/^ringside: cut\.elf .*\n$/);
  });
});

describe('ringside boot in workers', () => {
  // One slot is not enough for threads of their own; one guest that is given its slots has one.
  const WORKERS = ['--pcpus', '2', '--timeout', '60'];
  /** Types at the demo guest's prompt, a line each time it is there. */
  const atPrompt =
    (...lines: string[]) =>
    (seen: string, typed: number): string | undefined =>
      seen.split('demo> ').length - 1 > typed ? lines[typed] : undefined;

  it('saves where a text is seen, and goes on in another worker', async () => {
    const saved = await boot([
      demo,
      ...WORKERS,
      '--until',
      'demo> ',
      '--save',
      place('worker.state'),
      '--stats',
      place('worker.json'),
    ]);
    expect([saved.status, saved.err]).toEqual([0, '']);
    expect(JSON.parse(readFileSync(place('worker.json'), 'utf8'))).toMatchObject({
      status: 0,
      restarts: 0,
      exitsByReason: { CPUID: expect.any(Number) },
    });
    expect(readState(readFileSync(place('worker.state')), 'state').about.name).toBe('demo');
    const script = written('restored.script', 'send date\\r\nexpect clock says\n');
    const { status, out } = await boot([...WORKERS, '--restore', place('worker.state'), '--script', script]);
    expect([status, out.includes('The real-time clock says')]).toEqual([0, true]);
  });

  it('stands still after as many instructions as --save-at says', async () => {
    const { status, err } = await boot([
      demo,
      ...WORKERS,
      '--save',
      place('at.state'),
      '--save-at',
      '100000',
      '--stats',
      place('at.json'),
    ]);
    expect([status, err]).toEqual([0, '']);
    expect(JSON.parse(readFileSync(place('at.json'), 'utf8')).instructions).toBe(100_000);
  });

  it('plays a script, takes a picture and writes the debug ports to their file', async () => {
    const script = written(
      'worker.script',
      `expect demo>\nsend date\\r\nexpect clock says\nwait 50\nscreenshot ${place('script.png')}\nexpect demo>\n`,
    );
    const { status, out, err } = await boot([
      demo,
      ...WORKERS,
      '--script',
      script,
      '--screenshot',
      place('end.png'),
      '--debugcon',
      place('worker.debug'),
    ]);
    expect([status, err]).toEqual([0, '']);
    expect(out).toContain('The real-time clock says');
    for (const name of ['script.png', 'end.png'])
      expect(readFileSync(place(name)).subarray(1, 4).toString()).toBe('PNG');
    const file = written('debug.elf', kernel([...OUT(0xe9, 0x48), ...OUT(0xf4, 0)]));
    expect(await boot([file, ...WORKERS, '--debugcon', place('worker.debug')])).toMatchObject({ status: 1, out: '' });
    expect(readFileSync(place('worker.debug'), 'utf8')).toBe('H');
  });

  it('says where a guest is that nothing can wake', async () => {
    const result = await boot([written('stuck.elf', kernel([...OUT(0x3f8, 0x48), 0xfa, 0xf4])), ...WORKERS]);
    expect([result.status, result.out]).toEqual([6, 'H']);
    expect(result.err).toContain('halted with interrupts off');
  });

  it.each([
    ['one thread', ['--pcpus', '1']],
    ['workers', ['--pcpus', '2']],
  ])('keeps what a guest wrote to its disk over a restart, and the file as it was: %s', async (_where, slots) => {
    const image = new Uint8Array(64 * 512).fill(0x41);
    // Sector 0's first word: read; the second time, when it is there already, powered off; else written, and a reboot asked for.
    const ata = (command: number): number[] =>
      [
        [0x1f2, 1],
        [0x1f3, 0],
        [0x1f4, 0],
        [0x1f5, 0],
        [0x1f6, 0xe0],
        [0x1f7, command],
      ].flatMap(([port, value]) => OUT(port, value));
    const drq = [0xec, 0xa8, 0x08, 0x74, 0xfb];
    const words = (value: number[]): number[] => [
      0x66,
      0xba,
      0xf0,
      0x01,
      0xb9,
      0,
      1,
      0,
      0,
      0xbf,
      0,
      0,
      0x20,
      0,
      0xbe,
      0,
      0,
      0x20,
      0,
      0xfc,
      ...value,
    ];
    const written0 = [...ata(0x30), ...drq, ...words([0xf3, 0x66, 0x6f]), ...shutdown(1)];
    const code = [
      ...ata(0x20),
      ...drq,
      ...words([0xf3, 0x66, 0x6d]),
      // cmp byte [0x200000], 'B'; mov byte [0x200000], 'B'; je over what writes
      0x80,
      0x3d,
      0,
      0,
      0x20,
      0,
      0x42,
      0xc6,
      0x05,
      0,
      0,
      0x20,
      0,
      0x42,
      0x0f,
      0x84,
      written0.length & 255,
      written0.length >> 8,
      0,
      0,
      ...written0,
      ...shutdown(0),
    ];
    const guest = written('writer.elf', pvhKernel(code)),
      disk = written('writer.img', image);
    const result = await boot([
      '--type',
      'hvm',
      '--kernel',
      guest,
      '--disk',
      disk,
      ...slots,
      '--timeout',
      '40',
      '--memory',
      '8',
    ]);
    expect(result).toMatchObject({
      status: 0,
      err: 'ringside: writer: The guest asked for a reboot. Domain 1 starts again as domain 2.\n',
    });
    expect(readFileSync(disk).every(byte => byte === 0x41)).toBe(true);
  });

  it.each([
    ['one thread', ['--pcpus', '1', '--timeout', '60']],
    ['virtual time', ['--virtual-time', '--timeout', '60']],
    ['workers', WORKERS],
  ])('saves several guests, each where it shows a text, and plays to each when they go on: %s', async (where, how) => {
    const files = ['demo-1', 'demo-2'].map(name => place(`${name}.${where}`));
    const saved = await boot([
      demo,
      demo,
      ...how,
      '--until',
      'demo> ',
      ...files.flatMap((file, i) => ['--save', `demo-${i + 1}=${file}`]),
      '--stats',
      place('two.json'),
    ]);
    expect([saved.status, saved.err]).toEqual([0, '']);
    const stats = (): Record<string, { status: number; instructions: number }> =>
      JSON.parse(readFileSync(place('two.json'), 'utf8'));
    const first = stats();
    expect(Object.keys(first)).toEqual(['demo-1', 'demo-2']);
    expect(files.map(file => readState(readFileSync(file), file).about.name)).toEqual(['demo-1', 'demo-2']);
    const dates = written('date.script', 'send date\\r\nexpect clock says\nexpect demo>\n'),
      echoes = written('echo.script', 'send mine\\r\nexpect mine\nexpect demo>\n');
    const again = await boot([
      ...how,
      ...files.flatMap(file => ['--restore', file]),
      '--script',
      `demo-1=${dates}`,
      '--script',
      `demo-2=${echoes}`,
      '--stats',
      place('two.json'),
    ]);
    expect([again.status, again.err]).toEqual([0, '']);
    const lines = again.out.split('\n');
    expect(lines.filter(line => line.includes('clock says')).map(line => line.slice(0, 8))).toEqual(['demo-1: ']);
    expect(new Set(lines.filter(line => line.includes('mine')).map(line => line.slice(0, 8)))).toEqual(
      new Set(['demo-2: ']),
    );
    for (const name of Object.keys(first)) expect(stats()[name].instructions).toBeGreaterThan(0);
  });

  it('runs several, and hears what is typed', async () => {
    const one = written('several1.elf', pvhKernel([...say('one\n'), ...shutdown(0)])),
      two = written('several2.elf', pvhKernel([...say('two\n'), ...shutdown(0)]));
    const { status, out } = await boot(['--type', 'pvh', one, two, ...WORKERS]);
    expect([status, out.split('\n').sort()]).toEqual([0, ['', 'several1: (d1) one', 'several2: (d2) two']]);
    const typed = await boot([demo, ...WORKERS], atPrompt('date\r', 'poweroff\r'));
    expect([typed.status, typed.out.includes('The real-time clock says')]).toEqual([0, true]);
  });
});
