import { describe, expect, it } from 'vitest';
import { ofKvm } from './hypervisors/of-kvm.ts';
import { StationAddresses } from './station-addresses.ts';

describe('station addresses (libxl_nic.c)', () => {
  it("are drawn behind Xen's prefix, the same ones by the same seed", () => {
    const drawn = (seed: number): string[] => {
      const addresses = new StationAddresses(seed);
      return Array.from({ length: 100 }, () => addresses.draw(new Set()));
    };
    for (const mac of drawn(7)) expect(mac).toMatch(/^00:16:3e:[0-7][0-9a-f](:[0-9a-f]{2}){2}$/);
    expect(drawn(7)).toEqual(drawn(7));
    expect(new Set([...drawn(0), ...drawn(1), ...drawn(2 ** 32 - 1)]).size).toBe(300);
  });

  it('are drawn behind the prefix of QEMU on a host with KVM', () => {
    const addresses = new StationAddresses(7);
    for (let i = 0; i < 100; i++)
      expect(addresses.draw(new Set(), ofKvm.stations)).toMatch(/^52:54:00(:[0-9a-f]{2}){3}$/);
  });

  it('are never one that is taken', () => {
    const first = new StationAddresses(3).draw(new Set());
    expect(new StationAddresses(3).draw(new Set([first]))).not.toBe(first);
  });
});
