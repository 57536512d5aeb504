import { expect, it } from 'vitest';
import { freeDisk, freeTarget } from './shapes.ts';

it('offers a device that is no drive of the domain’s under another name', () => {
  expect(freeTarget(['hda', 'xvdb', 'hdd'], 'xvd')).toBe('xvdc');
  // What a guest of KVM has on IDE is next to what it has of virtio.
  expect(freeTarget(['hda', 'vda'], 'vd')).toBe('vdb');
});

it('offers a disk that nobody has, and else none', () => {
  const choices = { disks: ['/dev/vg0/own', '/dev/vg0/free', '/dev/vg0/web'], taken: ['/dev/vg0/web'] },
    has = [{ target: '/dev/vg0/own' }];
  expect(freeDisk(choices, has)).toBe('/dev/vg0/free');
  expect(freeDisk({ ...choices, disks: ['/dev/vg0/own', '/dev/vg0/web'] }, has)).toBe('');
});
