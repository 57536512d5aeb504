/** What the toolstack may change of the scheduler (xl sched-credit, xl vcpu-pin), and what it refuses. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Host } from './host.ts';
import { stillHost, testFile } from './host.test-support.ts';
import { startXen } from '../toolstack/boot/start-xen.ts';

const demo = readFileSync(new URL('../../../guests/demo/demo.elf', import.meta.url));
const makeHost = (xen = ''): Host =>
  stillHost({ hypervisor: startXen({ pcpus: 1, memoryMiB: 64, vt: true, diskBytes: 0 }, xen, 'test') });
const create = (host: Host, more = ''): Promise<{ id: number }> =>
  host.create([
    testFile('a.cfg', `name = "a"\ntype = "hvm"\nmemory = 8\nkernel = "demo.elf"\n${more}`),
    testFile('demo.elf', demo),
  ]);

describe("the toolstack's view of the scheduler", () => {
  it('shows each domain with its shares, and changes them', async () => {
    const host = makeHost();
    const { id } = await create(host, 'cpu_weight = 512\ncap = 50\ncpus = "0"\n');
    expect(await host['sched-credit']()).toEqual({
      policy: 'credit',
      pcpus: 1,
      tsliceUs: 30_000,
      ratelimitUs: 1000,
      domains: [
        { id: 0, name: 'Domain-0', weight: 256, cap: 0, cpus: 'all', cpusSoft: 'all' },
        { id, name: 'a', weight: 512, cap: 50, cpus: '0', cpusSoft: 'all' },
      ],
    });
    await host['sched-credit']({ domain: id, weight: 128 });
    await host['vcpu-pin'](id, 'all', '0');
    await host['sched-credit']({ domain: 0, weight: 1000 });
    await host['sched-credit']({ tsliceUs: 5000 });
    const { domains, tsliceUs, ratelimitUs } = await host['sched-credit']();
    expect(domains.map(({ weight }) => weight)).toEqual([1000, 128]);
    expect(domains[1]).toMatchObject({ cap: 50, cpus: 'all', cpusSoft: '0' });
    expect([tsliceUs, ratelimitUs]).toEqual([5000, 1000]);
  });

  it("refuses what is out of libxl's and Xen's ranges, and changes nothing then", async () => {
    const host = makeHost();
    const { id } = await create(host);
    const before = await host['sched-credit']();
    await expect(host['sched-credit']({ domain: id, weight: 0 })).rejects.toThrow(
      'Cpu weight out of range, valid values are within range from 1 to 65535',
    );
    await expect(host['sched-credit']({ domain: id, cap: 101 })).rejects.toThrow('valid range is from 0 to 100');
    await expect(host['vcpu-pin'](id, '1')).rejects.toThrow('this host has one processor, 0');
    await expect(host['vcpu-pin'](id, '^0')).rejects.toThrow('no processor is left');
    await expect(host['sched-credit']({ tsliceUs: 999 })).rejects.toThrow('a time slice is 1 to 1000 ms');
    await expect(host['sched-credit']({ ratelimitUs: 30_001 })).rejects.toThrow('longer than the time slice');
    expect(await host['sched-credit']()).toEqual(before);
  });

  it("follows Xen's command line", async () => {
    const host = makeHost('sched=rr sched_credit_tslice_ms=2 hvm_fep com1=9600');
    expect(host.machine.hvmFep).toBe(true);
    expect(await host['sched-credit']()).toMatchObject({ policy: 'rr', tsliceUs: 2000 });
    expect(await host.dmesg()).toContain('parameter "com1" unknown!');
  });

  it('refuses a definition whose processors are not there', async () => {
    const host = makeHost();
    await expect(create(host, 'cpus = "2-3"\n')).rejects.toThrow(
      'this host has one processor, 0, and 2-3 names none of them.',
    );
  });
});
