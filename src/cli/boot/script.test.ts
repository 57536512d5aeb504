import { inflateSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { eventually } from '../../../test/support/eventually.ts';
import { UsageError } from './options.ts';
import { encodePng } from './screenshot.ts';
import { parseScript, Script } from './script.ts';

it('waits for serial output or the screen, types, presses keys and takes pictures', async () => {
  const log: string[] = [];
  let screen = '',
    end = (): void => {};
  const goes = new Promise<void>(resolve => (end = resolve));
  const text =
    '# start\nexpect login:\nsend root\\r\nexpect GRUB\nkey c ctrl+x\nwait 50\nscreenshot a.png\nmem-set 96\ninsert fda two disks.img\neject hdc\nstats s.json\n';
  const script = new Script(parseScript(text, 's'), {
    screen: () => screen,
    send: bytes => log.push(`send ${JSON.stringify(new TextDecoder().decode(bytes))}`),
    key: (code, down) => log.push(`${code} ${down ? 'down' : 'up'}`),
    screenshot: path => log.push(`shot ${path}`),
    setMemory: memoryMiB => log.push(`memory ${memoryMiB}`),
    stats: async path => void log.push(`stats ${path}`),
    change: async (vdev, path) => {
      log.push(`${vdev} ${path ?? 'out'}`);
      await goes;
    },
  });
  expect(script.step(0)).toBe(Infinity);
  for (const byte of new TextEncoder().encode('login: ')) script.put(byte);
  script.step(0);
  expect(log).toEqual(['send "root\\r"']);
  screen = 'GNU GRUB 2';
  let nowNs = 0;
  for (let again = script.step(nowNs); again !== Infinity; again = script.step(nowNs)) nowNs = again;
  expect(log.slice(1)).toEqual([
    'KeyC down',
    'KeyC up',
    'ControlLeft down',
    'KeyX down',
    'KeyX up',
    'ControlLeft up',
    'shot a.png',
    'memory 96',
    'fda two disks.img',
  ]);
  expect(script.done).toBe(false);
  end();
  await goes;
  await Promise.resolve();
  expect(script.step(nowNs)).toBe(Infinity);
  expect(log.at(-1)).toBe('hdc out');
  await eventually(() => {
    script.step(nowNs);
    expect(script.done).toBe(true);
  });
  expect(log.at(-1)).toBe('stats s.json');
  expect(nowNs).toBe(6 * 20e6 + 50e6);
  expect([script.done, script.conclusive]).toEqual([true, true]);
});

it('refuses a line that is none, with its number', () => {
  expect(() => parseScript('expect a\nwait long\n', 's')).toThrow(UsageError);
  expect(() => parseScript('expect a\nwait long\n', 's')).toThrow('s:2: a line is expect TEXT');
});

it('writes PNG: signature, size, filter byte and RGB a row', () => {
  const png = encodePng(1, 2, Uint8Array.of(1, 2, 3, 4, 5, 6));
  expect([...png.subarray(0, 8)]).toEqual([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([1, 2]);
  expect([...inflateSync(png.subarray(41, 41 + png.readUInt32BE(33)))]).toEqual([0, 1, 2, 3, 0, 4, 5, 6]);
});
