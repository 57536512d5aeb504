import { describe, expect, it } from 'vitest';
import { parseXenOptions, readXenOptions } from './xen-options.ts';

describe("Xen's command line", () => {
  it('says which scheduler there is, and with which parameters', () => {
    expect(parseXenOptions('sched=credit  sched_credit_tslice_ms=5 sched_ratelimit_us=0 com1=115200,8n1')).toEqual({
      scheduler: { policy: 'credit', tsliceUs: 5000, ratelimitUs: 0 },
      unknown: ['com1=115200,8n1'],
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
    expect(parseXenOptions(text)).toMatchObject({
      scheduler: {},
      unknown: [],
      ...(hvmFep === undefined ? {} : { hvmFep }),
    });
    expect(parseXenOptions(text).hvmFep).toBe(hvmFep);
  });

  it.each([
    ['dom0_mem=512M', { dom0MemoryMiB: 512 }],
    ['dom0_mem=262144', { dom0MemoryMiB: 256 }],
    ['dom0_mem=1G,max:2G', { dom0MemoryMiB: 1024 }],
    ['dom0_mem=max:128M', { dom0MemoryMiB: 128 }],
    ['dom0_max_vcpus=2', { dom0MaxVcpus: 2 }],
    ['dom0_max_vcpus=1-4', { dom0MaxVcpus: 4 }],
    ['cpuid=no-vmx noreboot', { noVmx: true, noReboot: true }],
    ['loglvl=all guest_loglvl=none', { loglvl: 4, guestLoglvl: 0 }],
    ['loglvl=warning/info', { loglvl: 3 }],
  ])('has %s', (text, options) => {
    expect(parseXenOptions(text)).toEqual({ scheduler: {}, unknown: [], ...options });
  });

  it('is read as far as it can be: what is wrong stands beside the rest', () => {
    const { problems, ...options } = readXenOptions('sched=credit2 dom0_mem=64M loglvl=loud hvm_fep');
    expect(options).toEqual({ scheduler: {}, dom0MemoryMiB: 64, hvmFep: true, unknown: [] });
    expect(problems.map(({ xen }) => xen)).toEqual([
      'Could not find scheduler: credit2',
      'parameter "loglvl" has invalid value "loud", rc=-22!',
    ]);
  });

  it.each([
    ['dom0_mem=lots', /write a size with K, M or G/],
    ['dom0_mem=0', /write a size/],
    ['dom0_max_vcpus=0', /1 or more/],
    ['cpuid=no-sse', /only no-vmx counts here/],
    ['loglvl=info/error', /or two with \/ between them/],
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
