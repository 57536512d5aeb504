/** Guest code compiled to JavaScript, as a person runs it: what the guest does does not depend on it. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { Program, WarmRingside } from './support/command-line.ts';
import { file } from './support/needs.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringside-jit-'));
afterAll(() => rmSync(folder, { recursive: true }));
const place = (name: string): string => join(folder, name);
const demo = file('guests/demo/demo.cfg');

/** A run of `ringside`; what it printed. */
async function ended(vm: Program): Promise<{ status: number; out: string; err: string }> {
  onTestFinished(() => vm.kill());
  return { status: await vm.end(100), out: vm.output, err: vm.errors };
}
const boot = (args: string[]) => ended(new WarmRingside('boot', ...args));
const json = (name: string) => JSON.parse(readFileSync(place(name), 'utf8'));

describe('compiled guest code', () => {
  it('changes no instruction, no byte of the console and nothing of the saved state in virtual time', async () => {
    writeFileSync(place('script'), 'expect demo>\nsend mem\\r\nwait 100\nsend spin 1\\r\nwait 300\nsend regs\\r\n');
    const run = async (name: string, ...jit: string[]) => {
      const { status, out, err } = await boot([
        demo,
        '--virtual-time',
        '--seed',
        '3',
        '--script',
        place('script'),
        '--save',
        place(`${name}.state`),
        '--save-at',
        '40000000',
        '--stats',
        place(`${name}.json`),
        '--timeout',
        '100',
        ...jit,
      ]);
      expect([status, err]).toEqual([0, '']);
      const { tiers, seconds: _seconds, mips: _mips, ...stats } = json(`${name}.json`);
      return { tiers, same: { out, stats, state: readFileSync(place(`${name}.state`)).toString('base64') } };
    };
    const off = await run('off', '--no-jit');
    expect(off.tiers).toMatchObject({ state: 'none', retired: 0, compiled: 0 });
    expect(off.same.stats.instructions).toBe(40_000_000);
    for (const threshold of ['1', '50']) {
      // The guest runs on while the compiler is loaded, which on a busy machine may take longer than the guest: then it runs once more.
      let tiers: { state: string; compiled: number; share: { regions: number } };
      for (let attempts = 5; ; attempts--) {
        const { same, tiers: those } = await run(threshold, '--jit-threshold', threshold);
        expect(same.stats).toEqual(off.same.stats);
        expect(same.out).toBe(off.same.out);
        expect(same.state === off.same.state).toBe(true);
        tiers = those;
        if (tiers.compiled > 0 || attempts === 1) break;
      }
      expect(tiers.state).toBe('on');
      expect(tiers.compiled).toBeGreaterThan(0);
      expect(tiers.share.regions).toBeGreaterThan(0.2);
    }
  });

  it('is told of with guest code and JavaScript side by side, also of guests in workers', async () => {
    writeFileSync(place('spin'), 'expect demo>\nsend spin 5\\r\nwait 1500\n');
    const guests = ['a', 'b'].map(name => {
      writeFileSync(
        place(`${name}.cfg`),
        `name = "${name}"\ntype = "hvm"\nkernel = "${file('guests/demo/demo.elf')}"\nmemory = 16\n`,
      );
      return place(`${name}.cfg`);
    });
    const { status, err } = await boot([
      ...guests,
      '--jit-threshold',
      '1',
      '--script',
      `a=${place('spin')}`,
      '--script',
      `b=${place('spin')}`,
      '--stats',
      place('two.json'),
      '--stats',
      place('two.txt'),
      '--timeout',
      '100',
    ]);
    expect([status, err]).toEqual([0, '']);
    const told = json('two.json');
    for (const name of ['a', 'b']) {
      const { tiers } = told[name];
      expect(tiers).toMatchObject({ state: 'on', regions: expect.any(Number) });
      expect(tiers.textBytes).toBeGreaterThan(0);
      const [first] = tiers.hottest;
      expect(first.code.map(({ text }: { text: string }) => text).join('\n')).toMatch(/dec|jn/);
      expect(first.javascript).toMatch(/^return \(function \(\) {\n/);
    }
    expect(readFileSync(place('two.txt'), 'utf8')).toMatch(/^[0-9a-f]{8} {2}\S.*\| \S/m);
  });

  it('is left alone where text must not become functions, and a person is told why', async () => {
    writeFileSync(place('wait'), 'expect demo>\nsend spin 1\\r\nwait 1500\n');
    const told = ['--script', place('wait'), '--stats', place('strict.json'), '--timeout', '100'];
    const strict = ['--disallow-code-generation-from-strings', file('bin/ringside.mjs')];
    const { status, out, err } = await ended(
      new Program(spawn(process.execPath, [...strict, 'boot', demo, '--jit-threshold', '1', ...told])),
    );
    expect([status, out.includes('demo> ')]).toEqual([0, true]);
    expect(err).toContain('guest code is interpreted and not compiled');
    expect(json('strict.json').tiers).toMatchObject({ state: 'refused', regions: 0, retired: 0 });
  });
});
