/** docs/hypercalls.md is what the tables of hypercalls and the comments of their functions say, and what guests find. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { EINVAL, ENOSYS, HYPERCALL } from '../src/hypervisor/interfaces/xen/abi.ts';
import { EVENT_CHANNEL_OPERATIONS } from '../src/hypervisor/interfaces/xen/events/events.ts';
import { type HypercallContext, operation, PVH } from '../src/hypervisor/interfaces/xen/hypercalls.ts';
import { ARGS, testGuest } from '../src/hypervisor/interfaces/xen/pvh-program.test-support.ts';
import { type GuestStruct, struct, u32 } from '../src/hypervisor/interfaces/xen/struct.ts';
import { HYPERCALL_TABLE } from '../src/hypervisor/interfaces/xen/table.ts';
import { comments, hypercallDocs } from './support/hypercall-docs.ts';
import { file } from './support/needs.ts';

const ROOM = 'src/hypervisor/interfaces/xen';
const sources = new Map(
  (readdirSync(file(ROOM), { recursive: true }) as string[])
    .filter(path => path.endsWith('.ts') && !/\.test(-support)?\.ts$/.test(path))
    .map(path => [`${ROOM}/${path}`, readFileSync(file(`${ROOM}/${path}`), 'utf8')]),
);
const PAGE = file('docs/hypercalls.md');

describe('docs/hypercalls.md', () => {
  it('says what the tables say (npm run docs:hypercalls writes it)', () => {
    const made = hypercallDocs(HYPERCALL_TABLE, sources);
    if (process.env.RINGSIDE_WRITE_DOCS) writeFileSync(PAGE, made);
    expect(readFileSync(PAGE, 'utf8')).toBe(made);
  });

  it('is made of comments: names, IN, OUT and errors', () => {
    const text =
      '/**\n * XENMEM_take: takes it.\n * IN: a, b. OUT: c.\n * Errors: EINVAL no such\n * thing; EPERM another.\n */\nexport function take() {}\n// no comment\nfunction other() {}';
    expect(Object.fromEntries(comments(new Map([['a.ts', text]])))).toEqual({
      take: [
        {
          name: 'XENMEM_take',
          about: 'takes it.',
          IN: 'a, b.',
          OUT: 'c.',
          Errors: 'EINVAL no such thing; EPERM another.',
        },
      ],
    });
  });

  it('cannot be made where a comment is missing, or says something else than the row', () => {
    const Thing = struct({ what: u32, answer: u32 });
    const made = (run: (caller: HypercallContext, args: GuestStruct<typeof Thing>) => number, text: string): string => {
      const operations = { prefix: 'THING_', numbers: { TAKE: 0 }, rows: [operation(Thing, run, { out: ['answer'] })] };
      const table = [{ guests: PVH, call: setTrapTable, operations }];
      return hypercallDocs(
        table,
        new Map([
          ['a.ts', `/** set_trap_table: for a test. */\nfunction setTrapTable() {}\n${text}\nfunction take() {}`],
        ]),
      );
    };
    function setTrapTable(): number {
      return 0;
    }
    const take = (): number => 0;
    expect(made(take, '/** THING_take: takes. IN: what. OUT: answer. Errors: EINVAL none. */')).toContain(
      '| 0 | THING_take | PVH | takes | what | answer | EINVAL none |',
    );
    expect(() => made(take, '')).toThrow(
      'THING_take: the function take has no comment that begins with "THING_take: "',
    );
    expect(() => made(take, '/** THING_take: takes. IN: what. */')).toThrow(
      'THING_take: its row answers with [answer], its comment with []',
    );
    expect(() => made(take, '/** THING_take: takes. IN: nothing. OUT: answer. */')).toThrow(
      'THING_take: its structure has no field nothing; it has what, answer',
    );
  });
});

describe('an operation that is added', () => {
  const Halve = struct({ number: u32, half: u32 });
  /** EVTCHNOP_halve: an example. */
  function halve(_caller: HypercallContext, args: GuestStruct<typeof Halve>): number {
    if (args.number % 2 !== 0) return -EINVAL;
    args.half = args.number / 2;
    return 0;
  }
  const NUMBER = 14;
  const call = (type: number | undefined, ...words: number[]): number[] => {
    const guest = testGuest(type === undefined ? {} : { type });
    guest.put(ARGS, ...words);
    return [guest.call(HYPERCALL.EVENT_CHANNEL_OP, NUMBER, ARGS), guest.get(ARGS), guest.get(ARGS + 4)];
  };

  it('gives its errno to the guests that may make it, and -ENOSYS to others; only OUT is written', () => {
    expect(call(undefined, 6, -1)).toEqual([-ENOSYS, 6, -1]);
    EVENT_CHANNEL_OPERATIONS.rows[NUMBER] = operation(Halve, halve, { guests: PVH, out: ['half'] });
    try {
      expect(call(undefined, 6, -1)).toEqual([0, 6, 3]);
      expect(call(undefined, 7, -1)).toEqual([-EINVAL, 7, -1]);
      EVENT_CHANNEL_OPERATIONS.rows[NUMBER] = operation(Halve, halve, { guests: 0, out: ['half'] });
      expect(call(undefined, 6, -1)).toEqual([-ENOSYS, 6, -1]);
    } finally {
      delete EVENT_CHANNEL_OPERATIONS.rows[NUMBER];
    }
  });
});
