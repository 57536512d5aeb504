import { readdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { close80 } from '../src/workshop/oracle/compare.ts';
import { type Case, readFixtures } from '../src/workshop/oracle/fixture.ts';
import { OracleMachine } from '../src/workshop/oracle/machine.ts';
import { vendorDifferences } from '../src/workshop/oracle/vendors.ts';
import { main, replay } from '../src/workshop/oracle.ts';
import { file, haveShared, NEEDS_SHARED, shared } from './support/needs.ts';

const groups = (folder: string): string[] => readdirSync(folder).filter(name => name.endsWith('.jsonl.gz'));
const small = file('test/oracle');
const long = join(small, 'long');
/** Failing cases of a file, as lines. */
function failures(machine: OracleMachine, path: string, limit: number): string[] {
  const lines: string[] = [];
  replay(machine, path.slice(path.lastIndexOf('/') + 1), readFixtures(path), limit, line => lines.push(line));
  return lines;
}

describe('the processor ends each fixture as a real one did', () => {
  const exits = new OracleMachine();
  it.each(groups(small))('%s', name => expect(failures(exits, join(small, name), 3)).toEqual([]));

  const delivers = new OracleMachine(true);
  it.each(groups(small))('%s, exceptions delivered through the IDT', name =>
    expect(failures(delivers, join(small, name), 3)).toEqual([]),
  );

  it.each(groups(long))('64-bit %s', name => expect(failures(exits, join(long, name), 3)).toEqual([]));

  const compiles = new OracleMachine(false, true);
  it.each(groups(small))('%s, compiled', name => expect(failures(compiles, join(small, name), 3)).toEqual([]));
  it('what leaves a region at once is the exception', () => expect(compiles.casesInRegions).toBeGreaterThan(2500));
});

describe(`the developers' whole set ${NEEDS_SHARED}`, () => {
  const machine = haveShared ? new OracleMachine() : undefined;
  const names = haveShared ? groups(shared('oracle/dev')) : ['absent'];
  it.skipIf(!haveShared).each(names)('%s', name =>
    expect(failures(machine!, join(shared('oracle/dev'), name), 1)).toEqual([]),
  );
});

describe('fixtures of 64 bits', () => {
  const cases = groups(long).flatMap(name => readFixtures(join(long, name)));

  it('name the processor that made them', () => {
    expect(new Set(cases.map(({ vendor }) => vendor))).toEqual(new Set(['GenuineIntel', 'AuthenticAMD']));
  });

  it('of an AMD processor that ends otherwise differ by what vendors.ts lists, and by nothing else', () => {
    const machine = new OracleMachine();
    const amds = cases.filter(({ vendor }) => vendor === 'AuthenticAMD');
    const failed = (list: readonly Case[]): number => replay(machine, 'amd', list, 0, () => {}).failed;
    expect(failed(amds)).toBe(0);
    expect(failed(amds.map(test => ({ ...test, vendor: undefined })))).toBe(amds.length);
  });

  it.each([
    ['MOVSXD to 16 bits', [0x66, 0x63, 0x06], 14, 'all'],
    ['REPE CMPSB', [0xf3, 0xa6], 14, 'flags'],
    ['FXSAVE', [0x0f, 0xae, 0x06], 14, 'address'],
    ['DPPD of two NaNs', [0x66, 0x0f, 0x3a, 0x41, 0xc1, 0x33], 3, 'close'],
  ] as const)('may, made by AMD, have %s end otherwise', (_name, code, vector, what) => {
    const nan = 0x7ff8_0000_0000_0001n,
      whole = (nan << 64n) | nan;
    const test = {
      ...cases[0]!,
      vendor: 'AuthenticAMD',
      code: Uint8Array.from(code),
      float: { ...cases.find(({ float }) => float)!.float!, xm: Array<bigint>(16).fill(whole) },
      outcome: { ...cases[0]!.outcome, vector },
    };
    expect(vendorDifferences(test).map(difference => difference.what)).toEqual([what]);
    expect(vendorDifferences({ ...test, vendor: 'GenuineIntel' })).toEqual([]);
  });

  it('have sixteen registers, and code on both sides of multiples of 4 GiB', () => {
    expect(cases.filter(({ registers }) => registers.length !== 16)).toEqual([]);
    const places = new Set(cases.map(({ at }) => Math.floor(at / 2 ** 32)));
    expect([...places].sort((a, b) => a - b)).toEqual([0, 1, 2, 0x1234]);
  });
});

describe('npm run oracle', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ringside-oracle-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  /** Exit status and everything printed. */
  async function run(...argv: string[]): Promise<{ status: number; out: string; err: string }> {
    const printed = { out: '', err: '' };
    const keep = (stream: 'out' | 'err') => (text: string) => void (printed[stream] += text);
    const status = await main(argv, keep('out'), keep('err'));
    return { status, ...printed };
  }
  function written(name: string, data: string | Buffer): string {
    const path = join(folder, name);
    writeFileSync(path, data);
    return path;
  }
  const nop = {
    n: 'nop',
    w: 32,
    c: '90',
    r: [1, 2, 3, 4, 0x34400, 6, 7, 8],
    f: 0x202,
    o: { v: 3, ip: 0x20401, f: 0, r: [] },
  };
  const fixture = (change: object): string =>
    written('case.jsonl', `${JSON.stringify(nop)}\n${JSON.stringify({ ...nop, ...change })}\n`);

  it('counts passing cases', async () => {
    expect(await run(fixture({}))).toMatchObject({ status: 0, out: '2 passed, 0 failed\n' });
  });

  it('prints a case that ends otherwise, where it stands and what differs', async () => {
    const { status, out } = await run(
      fixture({ n: 'wrong', o: { v: 6, ip: 0x20400, f: 1, r: [[0, 9]], m: [[0x30000, 'ff']] } }),
    );
    expect(status).toBe(1);
    expect(out).toContain(
      'case.jsonl:2: w32 wrong [90] vector 3 want 6; eip 20401 want 20400; eax 00000001 want 00000009; flags 000 want 001',
    );
    expect(out).toMatch(/\n1 passed, 1 failed\n$/);
  });

  it('says where a malformed fixture is wrong, with status 2', async () => {
    const wrong: [object, string][] = [
      [{ w: 8 }, ':2: w is none of 16, 32 and 64'],
      [{ c: '9' }, ':2: c is not a string of hexadecimal bytes'],
      [{ r: [1] }, ':2: r has 1 entries'],
      [{ m: [[0x20000, '00']] }, ':2: m: 1 bytes at 20000 are outside data and stack'],
      [{ o: 3 }, ':2: o is not an object'],
    ];
    for (const [change, message] of wrong) {
      const { status, err } = await run(fixture(change));
      expect(err).toContain(message);
      expect(status).toBe(2);
    }
  });

  it('refuses a file that is no fixture', async () => {
    for (const [path, message] of [
      [written('elf', Buffer.from('\x7fELF\x01\x01\0\0', 'latin1')), ':1: not a line of JSON'],
      [
        written('cut.gz', gzipSync('x'.repeat(9999)).subarray(0, 20)),
        'broken gzip file: unexpected end of file at byte 20\n',
      ],
      [written('damaged.gz', Buffer.concat([gzipSync('x').subarray(0, 10), Buffer.alloc(30, 0xff)])), 'at byte 10\n'],
      [written('empty', ''), 'holds no case'],
      [join(folder, 'absent'), 'no such file'],
    ] as const) {
      const { status, err } = await run(path);
      expect(err).toContain(message);
      expect(status).toBe(2);
    }
    expect((await run()).status).toBe(2);
    expect((await run('--limit', 'x', 'f')).status).toBe(2);
  });
});

describe('tolerance of the transcendentals', () => {
  const one = 0x3fff_8000_0000_0000_0000n;
  it('takes 2^-45 relative, both ways, and nothing else for NaN', () => {
    expect(close80(one, one + (1n << 18n))).toBe(true);
    expect(close80(one, one + (1n << 19n))).toBe(false);
    expect(close80(one, 0x3ffe_ffff_ffff_fff8_0000n)).toBe(true);
    expect(close80(0x7fff_c000_0000_0000_0000n, one)).toBe(false);
    expect(close80(one, one | (1n << 79n))).toBe(false);
  });
});
