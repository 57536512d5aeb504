import { describe, expect, it } from 'vitest';
import type { RingFacts } from '../../../dom0/service/index.ts';
import { contentOf, type Data, factsOf, hexLine, livesIn, slotChosen } from './facts.ts';
import { INNER, LABEL, layoutOf, MIDDLE, sector } from './layout.ts';
import { why } from './why.ts';

/** Eight slots: two answers wait to be read, two requests are in Domain-0's hands, two wait. */
const ring: RingFacts = {
  key: 'vbd 51712',
  name: 'xvda',
  slots: 8,
  reqProd: 6,
  reqEvent: 7,
  rspProd: 2,
  rspEvent: 1,
  reqCons: 4,
  rspProdPvt: 2,
  requests: Array.from({ length: 8 }, (_, i) => ({ fields: [['id', i]], refs: [] })),
  responses: Array.from({ length: 8 }, (_, i) => [['status', -i]]),
  port: 3,
  ringRefs: [8],
} as unknown as RingFacts;
const facts = factsOf([ring], ring),
  shown = (chosen: string, of = ring) => ({
    data: { ...factsOf([of], of), grants: new Map(), port: undefined } as Data,
    chosen,
    choose: () => {},
    target: {},
  });

describe('facts of a ring', () => {
  it('count slots by whose turn they are', () => {
    expect(facts.counts).toEqual({ D: 0, W: 2, T: 2, A: 2, F: 2 });
  });

  it('know what the front end keeps to itself by bounds, or by its own memory (io/ring.h)', () => {
    expect(facts.unseen).toEqual([
      ['req_prod_pvt', '≥ 6'],
      ['rsp_cons', '0–2'],
    ]);
    // Linux's netfront asks half way through what it has sent.
    expect(factsOf([ring], { ...ring, key: 'vif 0 tx' }).unseen[1]).toEqual(['rsp_cons', '≤ 2']);
    const found = factsOf([ring], { ...ring, front: { reqProdPvt: 7, rspCons: 1, address: 0xc1000000 | 0 } });
    expect(found.unseen).toEqual([]);
    expect(found.counts).toMatchObject({ D: 1, A: 1 });
    expect(found.indices.slice(-2).map(each => [each.name, each.value, livesIn(each)])).toEqual([
      ['rsp_cons', 1, 'in its own memory, 0xc1000004'],
      ['req_prod_pvt', 7, 'in its own memory, 0xc1000000'],
    ]);
  });

  it('tell at first of the slot that Domain-0 takes next, or has taken last, or has answered last', () => {
    expect(slotChosen(shown(''))).toBe(4);
    expect(slotChosen(shown('', { ...ring, reqProd: 4 }))).toBe(3);
    expect(slotChosen(shown('', { ...ring, reqProd: 4, rspProdPvt: 4, rspProd: 4 }))).toBe(3);
    expect([slotChosen(shown('6')), slotChosen(shown('8'))]).toEqual([6, 4]);
  });

  it('have a request in a slot until its response lies over it', () => {
    expect([4, 2, 0].map(slot => contentOf(ring, facts.slots[slot]!, slot))).toEqual([
      [['id', 4]],
      [['id', 2]],
      [['status', -0]],
    ]);
    expect(contentOf(ring, 'F', 7)).toEqual([]);
  });
});

describe('the picture of a ring', () => {
  const layout = layoutOf(facts.slots, facts.indices, 4);

  it('has each name once, on the side of its slot, and those of one slot below each other', () => {
    expect(layout.names.map(({ name }) => name).sort()).toEqual(facts.indices.map(({ name }) => name).sort());
    const same = layout.names.filter(({ value }) => value === 2).map(({ y }) => y);
    expect(same[1]! - same[0]!).toBe(24);
    for (const { x, y, isRight, own } of layout.names) {
      expect(isRight).toBe(own < Math.PI);
      expect(isRight).toBe(x > 280);
      expect(Math.abs(y - MIDDLE)).toBeLessThanOrEqual(LABEL);
    }
  });

  it('turns the chosen slot to the right, beside what is said of it', () => {
    expect(Math.abs(layout.lead - Math.PI / 2)).toBeLessThan(0.701);
    expect(sector(0, 8, 0, 0)).toMatch(new RegExp(`A${INNER} ${INNER} 0 0 0`));
  });
});

it('says whether the next push rings: when it passes req_event', () => {
  const answer = (reqEvent: number) => why(shown('', { ...ring, reqEvent })).answer;
  expect(answer(7)).toMatch(/^Yes\. It moves req_prod from 6 to 7, past req_event, which is 7/);
  expect(answer(6)).toMatch(/^No\. req_event is 6/);
  expect(answer(9)).toMatch(/when 3 more are there/);
});

it('writes 16 bytes as hexdump -C does', () => {
  expect(hexLine({ byte: at => 0x40 + (at & 15) }, 4096, 16)).toBe(
    '0010  40 41 42 43 44 45 46 47  48 49 4a 4b 4c 4d 4e 4f  @ABCDEFGHIJKLMNO',
  );
});

describe('a virtqueue', () => {
  const queue: RingFacts = {
    ...ring,
    reqProd: 0x10006,
    reqEvent: 0x10007,
    rspProd: 0x10002,
    rspEvent: 0x10001,
    reqCons: 0x10004,
    rspProdPvt: 0x10002,
    virtqueue: { hasEvents: true, descriptors: 0x1000, driver: 0x2000, device: 0x3000 },
  };

  it('has the names and the 16 bits of its specification, and slots by the same rule', () => {
    const seen = factsOf([queue], queue);
    expect(seen.indices.map(({ name, value, by }) => [name, value, by])).toEqual([
      ['avail.idx', 6, 'frontend'],
      ['avail_event', 6, 'backend'],
      ['used.idx', 2, 'backend'],
      ['used_event', 0, 'frontend'],
      ['last_avail_idx', 4, 'backend'],
    ]);
    expect([seen.counts, seen.unseen]).toEqual([facts.counts, []]);
    expect(seen.indices.map(livesIn)).toEqual([
      'in the available ring',
      'in the used ring',
      'in the used ring',
      'in the available ring',
      'in the device',
    ]);
  });

  it('says whether the next chain is told of', () => {
    const answer = (of: Partial<RingFacts>) => why(shown('', { ...queue, ...of })).answer;
    expect(answer({})).toMatch(/^Yes\. It is the one at 6, and avail_event is 6/);
    expect(answer({ reqEvent: 0x10006 })).toMatch(/^No\. avail_event is 5/);
    expect(answer({ virtqueue: { ...queue.virtqueue!, hasEvents: false } })).toMatch(/^Yes\. The driver has not/);
  });
});
