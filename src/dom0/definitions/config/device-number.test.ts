import { expect, it } from 'vitest';
import { deviceNumber } from './device-number.ts';

it('numbers virtual disks as xen-vbd-interface(7) does', () => {
  const numbers: Record<string, number | undefined> = {
    xvda: 51712,
    xvda1: 51713,
    xvdb: 51728,
    xvdp15: 51967,
    xvdq: (1 << 28) | (16 << 8),
    xvda16: (1 << 28) | 16,
    xvdaa: (1 << 28) | (26 << 8),
    d0: 51712,
    d1p2: 51730,
    d16p1: (1 << 28) | (16 << 8) | 1,
    hda: 768,
    hda3: 771,
    hdb: 832,
    hdc: 5632,
    hdd: 5696,
    hde: undefined,
    hda64: undefined,
    sda: 2048,
    sdb2: 2066,
    sdp: 2288,
    sdq: undefined,
    sda16: undefined,
    xvda256: undefined,
    cdrom: undefined,
    xvd: undefined,
    xvdA: undefined,
    d: undefined,
  };
  for (const [vdev, number] of Object.entries(numbers)) expect([vdev, deviceNumber(vdev)]).toEqual([vdev, number]);
});
