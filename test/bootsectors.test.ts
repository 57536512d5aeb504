/** The programs of guests/bootsectors: what is committed is what nasm makes of their sources, and each draws one picture after another. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { WarmRingside } from './support/command-line.ts';
import { file } from './support/needs.ts';

const sectors = file('guests/bootsectors');
const names = readdirSync(sectors)
  .filter(name => name.endsWith('.asm'))
  .map(name => name.slice(0, -4));
const folder = mkdtempSync(join(tmpdir(), 'ringside-bootsectors-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('boot sectors', () => {
  it('are a dozen of 512 bytes, each with a title and a paragraph', () => {
    expect(names).toHaveLength(12);
    for (const name of names) {
      const image = readFileSync(join(sectors, `${name}.img`));
      expect([image.length, image.readUInt16LE(510)], name).toEqual([512, 0xaa55]);
      expect(readFileSync(join(sectors, `${name}.asm`), 'utf8'), name).toMatch(/^; \S.*\n;\n(; .*\n)+\n/);
    }
  });

  it.skipIf(spawnSync('nasm', ['-v']).status !== 0)('are what nasm makes of their sources', () => {
    execFileSync('sh', [join(sectors, 'build.sh'), folder]);
    for (const name of names)
      expect(readFileSync(join(folder, `${name}.img`)).equals(readFileSync(join(sectors, `${name}.img`))), name).toBe(
        true,
      );
  });

  it.each(names)('%s draws one picture after another', async name => {
    const shots = [1, 2].map(n => join(folder, `${name}-${n}.png`));
    const script = join(folder, `${name}.script`);
    writeFileSync(script, `wait 12\nscreenshot ${shots[0]}\nwait 8\nscreenshot ${shots[1]}\n`);
    const vm = new WarmRingside(
      'boot',
      join(sectors, `${name}.img`),
      '--memory',
      '8',
      '--virtual-time',
      '--script',
      script,
    );
    onTestFinished(() => vm.kill());
    expect(await vm.end(120), vm.errors).toBe(0);
    const [one, other] = shots.map(shot => readFileSync(shot));
    expect(one.equals(other)).toBe(false);
    // Not an empty screen either.
    expect(one.length).toBeGreaterThan(400);
  });
});
