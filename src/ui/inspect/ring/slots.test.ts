import { describe, expect, it } from 'vitest';
import { lastIn, slotStates } from './slots.ts';

const ring = (reqProd: number, reqCons: number, rspProdPvt: number, rspProd: number, rspEvent: number) =>
  slotStates({ slots: 8, reqProd, reqCons, rspProdPvt, rspProd, rspEvent }).join('');

describe('slots of a ring', () => {
  it('are free where all was asked, answered and read', () => {
    expect(ring(0, 0, 0, 0, 1)).toBe('FFFFFFFF');
    expect(ring(8, 8, 8, 8, 9)).toBe('FFFFFFFF');
  });

  it('wait, are taken, are answered, round the end of the ring and of 32 bits', () => {
    expect(ring(6, 4, 2, 2, 1)).toBe('AATTWWFF');
    expect(ring(11, 10, 7, 7, 7)).toBe('TTWFFFAT');
    expect(ring(1, 0, 0xffffffff, 0xffffffff, 0)).toBe('WFFFFFFT');
  });

  it('are drafted, and answered, as the front end itself knows', () => {
    const of = (rspCons: number, reqProdPvt: number) =>
      slotStates({
        slots: 8,
        reqProd: 6,
        reqCons: 5,
        rspProdPvt: 4,
        rspProd: 4,
        rspEvent: 5,
        front: { address: 0, rspCons, reqProdPvt },
      }).join('');
    expect(of(4, 6)).toBe('FFFFTWFF');
    expect(of(2, 9)).toBe('DFAATWDD');
  });

  it('held their last request so long ago as the ring has gone on since', () => {
    expect([0, 1, 2, 7].map(slot => lastIn({ reqProd: 10, slots: 8 }, slot))).toEqual([8, 9, 2, 7]);
  });

  it('say nothing of indices that make no sense', () => {
    expect(ring(100, 4, 4, 4, 5)).toBe('FFFFFFFF');
  });
});
