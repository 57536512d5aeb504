import { describe, expect, it } from 'vitest';
import { parseXenOptions } from './xen-options.ts';

describe("Xen's command line", () => {
  it('says which scheduler there is, and with which parameters', () => {
    expect(parseXenOptions('sched=credit  sched_credit_tslice_ms=5 sched_ratelimit_us=0 loglvl=all')).toEqual({
      scheduler: { policy: 'credit', tsliceUs: 5000, ratelimitUs: 0 },
      unknown: ['loglvl=all'],
    });
    expect(parseXenOptions('sched=rr').scheduler).toEqual({ policy: 'rr' });
    expect(parseXenOptions('')).toEqual({ scheduler: {}, unknown: [] });
  });

  it.each([
    ['sched=credit2', /There is no scheduler credit2: write sched= and one of credit, rr/],
    ['sched', /no scheduler without a name/],
    ['sched_credit_tslice_ms=0', /a time slice is 1 to 1000 ms/],
    ['sched_credit_tslice_ms=1001', /a time slice is 1 to 1000 ms/],
    ['sched_credit_tslice_ms=fast', /takes a whole number, not "fast"/],
    ['sched_ratelimit_us=99', /100 to 500000 µs, or 0/],
    ['sched_ratelimit_us=500001', /100 to 500000 µs, or 0/],
    ['sched_credit_tslice_ms=5 sched_ratelimit_us=6000', /longer than the time slice/],
  ])('refuses %s', (text, sentence) => {
    expect(() => parseXenOptions(text)).toThrow(sentence);
  });
});
