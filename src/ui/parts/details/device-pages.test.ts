// @vitest-environment happy-dom
import { h, render } from 'preact';
import { expect, it } from 'vitest';
import type { Device, Hardware } from '../../../dom0/service/index.ts';
import { DevicePage } from './device-pages.tsx';

it('a folder is not said to be no device, as one that the guest does not find is', () => {
  const about = (name: string): string | null => {
    const device = { key: `${name} 1`, name, next: `<${name}/>`, live: [], canGo: false } as unknown as Device,
      hardware = { devices: [device], next: { disks: [] } } as unknown as Hardware,
      place = document.createElement('div');
    render(h(DevicePage, { hardware, device, choices: { disks: [], taken: [], networks: [] }, done: () => {} }), place);
    return place.textContent;
  };
  expect(about('tpm')).toContain('finds no such device here');
  expect(about('filesystem')).toMatch(/a guest of KVM mounts that by its tag/);
});
