// @vitest-environment happy-dom
import { h, render } from 'preact';
import { afterEach, expect, it } from 'vitest';
import type { Inventory } from '../../../dom0/service/index.ts';
import { inventory } from '../../inventory.ts';
import { OnDisk } from './on-disk.tsx';

const MIB = 2 ** 20;
/** 1024 MiB: a partition from 512 MiB on, in it a volume of eight extents. */
const disk = {
  path: '/dev/sda',
  bytes: 1024 * MIB,
  storedBytes: 0,
  partitions: [{ name: 'sda1', bytes: 512 * MIB, type: 0x8e, users: [] }],
  group: 'vg0',
  groupBytes: 512 * MIB,
  extentBytes: 4 * MIB,
  freeBytes: 0,
  volumes: [{ name: 'web', path: '/dev/vg0/web', bytes: 32 * MIB, users: [] }],
};
const step = (place: string, what: string) => ({ place, what, us: 0, writer: 0 });
const STEPS = [
  step('volume', 'vg0/web, logical extent 2'),
  step('partition', 'sda1, sector 524288'),
  step('disk', 'sda, sector 1572864, 8 sectors'),
];

function shown(...all: (typeof STEPS)[]): HTMLElement {
  const root = document.createElement('div');
  render(h(OnDisk, { sides: all.map((steps, id) => ({ id, steps })) }), root);
  return root;
}
afterEach(() => {
  inventory.value = undefined;
});

it('shows the extent in its volume and the sector in the part of the partition around it, each to scale', () => {
  inventory.value = { stored: { disk } } as unknown as Inventory;
  const root = shown(STEPS);
  expect(root.querySelector('svg')!.getAttribute('aria-label')).toBe(
    'Extent 2 of 8 of vg0/web; sector 1572864 of /dev/sda',
  );
  const box = (rect: Element): number[] => ['x', 'width'].map(name => Number(rect.getAttribute(name)));
  // 64 extents are around one, half of them before it: from 256 MiB of the partition on.
  expect([...root.querySelectorAll('.at')].map(box)).toEqual([
    [250, 125],
    [(1000 * 128) / 260, 5],
  ]);
  expect(box(root.querySelector('.part')!)).toEqual([0, 1000]);
  expect(root.textContent).toContain('sda1 of /dev/sda, from 128 MiB to 388 MiB of its 512 MiB');
});

it('shows no more of a partition than there is', () => {
  inventory.value = {
    stored: { disk: { ...disk, partitions: [{ ...disk.partitions[0], bytes: 260 * MIB }] } },
  } as unknown as Inventory;
  expect(shown(STEPS).textContent).toContain('from 128 MiB to 260 MiB of its 260 MiB');
  expect(
    shown([STEPS[0]!, step('partition', 'sda1, sector 0'), step('disk', 'sda, sector 1048576')]).textContent,
  ).toContain('from 0 B to 132 MiB');
});

it('shows places in two partitions on the whole disk', () => {
  inventory.value = {
    stored: {
      disk: {
        ...disk,
        partitions: [
          { ...disk.partitions[0], bytes: 256 * MIB },
          { name: 'sda2', bytes: 256 * MIB, type: 0x8e, users: [] },
        ],
      },
    },
  } as unknown as Inventory;
  const root = shown(
    [
      step('volume', 'vg0/web, logical extent 2'),
      step('partition', 'sda1, sector 0'),
      step('disk', 'sda, sector 1048576'),
    ],
    [
      step('volume', 'vg0/web, logical extent 3'),
      step('partition', 'sda2, sector 0'),
      step('disk', 'sda, sector 1572864'),
    ],
  );
  expect(
    [...root.querySelectorAll('.part')].map(rect => ['x', 'width'].map(name => Number(rect.getAttribute(name)))),
  ).toEqual([
    [500, 250],
    [750, 250],
  ]);
  expect(Number([...root.querySelectorAll('.at')][3]!.getAttribute('x'))).toBe(750);
});

it('draws the partition once below the volumes of two', () => {
  inventory.value = { stored: { disk } } as unknown as Inventory;
  const root = shown(STEPS, [
    step('volume', 'vg0/web, logical extent 7'),
    step('partition', 'sda1, sector 0'),
    step('disk', 'sda, sector 1048576, 8 sectors'),
  ]);
  const box = (rect: Element): number[] => ['x', 'width'].map(name => Number(rect.getAttribute(name)));
  expect([...root.querySelectorAll('.vol')].map(box)).toEqual([
    [0, 492],
    [508, 492],
  ]);
  expect([...root.querySelectorAll('.at')].map(box)).toEqual([
    [123, 61.5],
    [(1000 * 256) / 392, 5],
    [938.5, 61.5],
    [0, 5],
  ]);
  expect(root.querySelectorAll('.part')).toHaveLength(1);
});

it('shows nothing of an image, of a volume that is gone, and before the host was asked', () => {
  expect(shown(STEPS).childElementCount).toBe(0);
  inventory.value = { stored: { disk: { ...disk, volumes: [] } } } as unknown as Inventory;
  expect(shown(STEPS).childElementCount).toBe(0);
  inventory.value = { stored: { disk } } as unknown as Inventory;
  expect(shown([step('image', 'sector 5')]).childElementCount).toBe(0);
});
