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
    ['hvm_fep', true],
    ['hvm_fep=1', true],
    ['hvm_fep=yes', true],
    ['hvm_fep=off', false],
    ['no-hvm_fep', false],
    ['', undefined],
  ])('says whether HVM guests have the forced emulation prefix: %s', (text, hvmFep) => {
    expect(parseXenOptions(text)).toMatchObject({ scheduler: {}, unknown: [], ...(hvmFep === undefined ? {} : { hvmFep }) });
    expect(parseXenOptions(text).hvmFep).toBe(hvmFep);
  });

  it.each([
    ['hvm_fep=2', /hvm_fep is on or off, and hvm_fep=2 is neither/],
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
