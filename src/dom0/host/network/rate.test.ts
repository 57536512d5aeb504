import { describe, expect, it } from 'vitest';
import { Credit, parseRate } from './rate.ts';

describe('rate=', () => {
  it.each([
    ['10Mb/s', { bytes: 62_500, intervalUs: 50_000 }],
    ['250KB/s', { bytes: 12_500, intervalUs: 50_000 }],
    ['1MB/s@20ms', { bytes: 20_000, intervalUs: 20_000 }],
    ['1GB/s@50us', { bytes: 50_000, intervalUs: 50 }],
    ['8b/s@1s', { bytes: 1, intervalUs: 1_000_000 }],
    ['8b/s', undefined],
    ['10Mbit', undefined],
    ['', undefined],
  ])('%s is bytes an interval, as the xl manual has it', (text, rate) => expect(parseRate(text)).toEqual(rate));

  it('lets as much pass as it says, over any time', () => {
    let ns = 0;
    const credit = new Credit({ bytes: 10_000, intervalUs: 1000 }, () => ns);
    let passed = 0;
    while (ns < 1e9) {
      const againNs = credit.take(1514);
      if (againNs === 0) passed += 1514;
      else {
        expect(againNs).toBeGreaterThan(ns);
        ns = againNs;
      }
    }
    expect(passed / 10_000).toBeGreaterThan(998);
    expect(passed / 10_000).toBeLessThan(1001);
  });

  it('lets a packet of full length pass however low the rate', () => {
    let ns = 0;
    const credit = new Credit({ bytes: 100, intervalUs: 1000 }, () => ns);
    ns = credit.take(64_000);
    expect([ns, credit.take(64_000)]).toEqual([639e6, 0]);
  });
});
