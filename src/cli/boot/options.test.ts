import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { listenedFor } from './listen-words.ts';
import { forGuests, parseBootOptions, UsageError } from './options.ts';
import { Watcher } from './until.ts';

describe('options', () => {
  it('are read as --name value or --name=value', () => {
    expect(parseBootOptions(['--memory=64', '--until', '--x', 'F', '--virtual-time'])).toMatchObject({
      memory: 64,
      until: '--x',
      file: 'F',
      virtualTime: true,
    });
    expect(parseBootOptions(['--kernel', 'K', '--ramdisk', 'R', '--type', 'pvh', '--no-vt'])).toMatchObject({
      kernel: 'K',
      initrd: 'R',
      type: 'pvh',
      noVt: true,
    });
    expect(
      parseBootOptions(['a', '--net', 'nat', '--forward', 'tcp:2222-:22', '--forward', 'udp:53-:53']),
    ).toMatchObject({ net: 'nat', forwards: [{ port: 2222, guestPort: 22 }, { protocol: 'udp' }] });
    expect(parseBootOptions(['a.cfg', '--config', 'b.cfg', 'c']).files).toEqual(['a.cfg', 'b.cfg', 'c']);
  });

  it.each([
    [['a', '--save', 'f'], /needs to know when/],
    [['a', '--save-at', '5'], /needs --save F/],
    [['a', '--kernel', 'b'], /FILE and --kernel do not go together/],
    [['--restore', 'a', '--memory', '5'], /--memory does not go with --restore/],
    [['a', '--no-reboot=1'], /takes no value/],
    [['a', '--timeout', '1', '--timeout', '2'], /given twice/],
    [['a', '--timeout'], /needs a value/],
    [
      ['--disk', 'a', '--boot', 'cx'],
      /--boot "cx": the letters are c \(disk\), .* Letter 2 is ‘x’\. Write for example "c"\./,
    ],
    [['--disk', 'a', '--boot', ''], /--boot "": the order is empty/],
    [['a', 'b', '--fda', 'x'], /--fda is for one guest, and there are 2/],
    [['a', '--vgabios', 'x'], /goes with --bios/],
    [['--bios', 'ovmf.fd,foo'], /--bios knows no option "foo": only rw may follow the file's comma/],
    [['a', '--type', 'lxc'], /--type takes hvm, pvh, pv or kvm, not "lxc"/],
    [['a', 'b', '--disk', 'x'], /--disk is for one guest, and there are 2/],
    [['a', '--script', 'x', '--script', 'y'], /--script is given twice, and there is one guest/],
    [['--restore', 'a', '--type', 'kvm'], /--type does not go with --restore/],
    [['--restore', 'a', '--type', 'hvm'], /--type does not go with --restore/],
    [['a', '--timeout', '-1'], /takes seconds/],
    [['a', '--nic', 'rtl8139'], /--nic takes pcnet or e1000/],
    [['a', '--net', 'bridge'], /--net takes nat, not "bridge"/],
    [['a', '--forward', 'tcp:2222-:22'], /--forward is for a network that leads out\. Add --net nat/],
    [['a', '--net', 'nat', '--forward', '22'], /--forward "22" is no forward\. Write tcp:PORT/],
    [['a', '--net', 'nat', '--virtual-time'], /--net nat does not go with --virtual-time/],
    [['a', '--device-model', 'qemu'], /--device-model takes stub or dom0, not "qemu"/],
    [['--restore', 'a', '--device-model', 'dom0'], /--device-model does not go with --restore/],
  ] as const)('that make no sense are refused: %j', (argv, message) => {
    expect(() => parseBootOptions([...argv])).toThrow(UsageError);
    expect(() => parseBootOptions([...argv])).toThrow(message);
  });
});

it('a boot order that names a device again tries it once, as in a definition', () => {
  expect(parseBootOptions(['--disk', 'a', '--boot', 'acda']).boot).toBe('acd');
});

describe('an option for several guests', () => {
  it('names the guest, and stands alone where there is one', () => {
    expect([...forGuests('--save', ['a=b=c'], ['a'])]).toEqual([['a', 'a=b=c']]);
    expect([...forGuests('--save', ['b=y=z', 'a=x'], ['a', 'b', 'c'])]).toEqual([
      ['b', 'y=z'],
      ['a', 'x'],
    ]);
  });

  it.each([
    [['x'], '--save takes NAME=F where there are several guests, and NAME is a or b, not "x".'],
    [['a='], '--save takes NAME=F where there are several guests, and NAME is a or b, not "a=".'],
    [['a=x', 'a=y'], '--save is given twice for a. Give it once.'],
  ])('is refused: %j', (values, message) => {
    expect(() => forGuests('--save', values, ['a', 'b'])).toThrow(new UsageError(message));
  });
});

describe('--vnc', () => {
  const vnc = (...values: string[]) => listenedFor({ gdb: [], vnc: values }, ['web']).vnc.get('web');

  it('has a port, and the file that has the password', () => {
    expect(vnc('5901')).toEqual({ port: 5901 });
    expect(listenedFor({ gdb: [], vnc: ['b=0'] }, ['a', 'b']).vnc).toEqual(new Map([['b', { port: 0 }]]));
    const folder = mkdtempSync(join(tmpdir(), 'vnc-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, 'a,b'), 'secret\n');
    expect(vnc(`1,password=${folder}/a,b`)).toEqual({ port: 1, password: Buffer.from('secret') });
  });

  it.each([
    ['x', '--vnc takes a whole number from 0 to 65535, not "x".'],
    ['65536', '--vnc takes a whole number from 0 to 65535, not "65536".'],
    ['0,secret', '--vnc takes PORT or PORT,password=F, and F is a file, not "0,secret".'],
    ['0,password=', '--vnc takes PORT or PORT,password=F, and F is a file, not "0,password=".'],
    ['0,password=/none', '/none cannot be read: ENOENT'],
  ])('is refused: %s', (value, message) => {
    expect(() => vnc(value)).toThrow(message);
    expect(() => vnc(value)).toThrow(UsageError);
  });
});

describe('--until', () => {
  it('finds a text across all borders, also after a false start', () => {
    const at = (text: string, stream: string): number => {
      const watcher = new Watcher(text);
      return [...new TextEncoder().encode(stream)].findIndex(byte => watcher.put(byte));
    };
    expect(at('aab', 'aaab')).toBe(3);
    expect(at('# ', 'x## ')).toBe(3);
    expect(at('abab', 'abacabab')).toBe(7);
    expect(at('ä', 'xä')).toBe(2);
    expect(at('zz', 'zyz')).toBe(-1);
  });
});
