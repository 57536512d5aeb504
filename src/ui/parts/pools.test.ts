// @vitest-environment happy-dom
/** Pools in the page, and what is left of a guest that was asked to shut down: what is shown, and what a button asks of Domain 0. */
import { type ComponentChild, h, render } from 'preact';
import { describe, expect, it, vi } from 'vitest';
import { eventually } from '../../../test/support/eventually.ts';
import type { PoolFacts, Task } from '../../dom0/service/index.ts';

const made = vi.hoisted(() => [] as unknown[][]);
const pools = vi.hoisted(() => [] as PoolFacts[]);
vi.mock('../host.ts', async original => ({
  ...(await original<object>()),
  host: {
    consult: async () => pools,
    manage: async (...given: unknown[]) => void made.push(given),
    inventory: async () => ({ readings: [] }),
  },
  command: async (name: string, { id }: { id: number }) => void made.push([name, id]),
}));
const { bytesIn, Pools } = await import('./pools.tsx');
const { ShutdownNote } = await import('./shutdown-note.tsx');
const { askedName } = await import('../navigation.ts');
const { spellers } = await import('../hypervisors/spelled.ts');
spellers.value = await import('../../dom0/toolstack/hypervisors/index.ts');

function shown(what: ComponentChild): HTMLElement {
  const place = document.createElement('div');
  document.body.append(place);
  render(what, place);
  return place;
}
const button = (place: HTMLElement, name: string): HTMLButtonElement | undefined =>
  [...place.querySelectorAll('button')].find(each => (each.getAttribute('aria-label') ?? each.textContent) === name);
const press = (place: HTMLElement, name: string): Promise<void> => eventually(() => button(place, name)!.click());
const isAsked = (what: unknown[]): Promise<void> =>
  eventually(() => expect(made).toEqual([what])).then(() => void made.splice(0));

describe('pools in the page', () => {
  pools.push(
    { name: 'vg0', type: 'logical', folder: '/dev/vg0', volumes: [] },
    {
      name: 'images',
      type: 'dir',
      folder: '/var/lib/xen/images',
      volumes: [
        { name: 'a.iso', path: '/a', bytes: 2 ** 20, users: [{ name: 'pc', runs: true }] },
        { name: 'b.img', path: '/b', bytes: 2 ** 21, users: [{ name: 'db', runs: false }] },
      ],
    },
  );

  it('name who uses a volume, and let nobody delete one that is open', async () => {
    const place = shown(h(Pools, { chosen: undefined }));
    await eventually(() => expect(place.querySelectorAll('tbody tr').length).toBe(2));
    expect(place.textContent).toContain('pc (runs)');
    expect(button(place, 'Delete a.iso')!.disabled).toBe(true);
    await press(place, 'Delete b.img');
    await eventually(() => expect(place.textContent).toContain('db would miss it.'));
    await press(place, 'Delete now: what is on it is lost');
    await isAsked(['deleteVolume', 'images', 'b.img']);
  });

  it('ask for a copy’s name and a size by the commands that they are', async () => {
    const place = shown(h(Pools, { chosen: undefined }));
    await press(place, 'Copy a.iso');
    expect(askedName.peek()!.value).toBe('a-copy.iso');
    expect(askedName.peek()!.command('x.iso')).toBe('virsh vol-clone a.iso x.iso --pool images');
    await press(place, 'Resize a.iso');
    await askedName.peek()!.run('3M');
    expect(made.splice(0)).toEqual([['resizeVolume', 'images', 'a.iso', 3 * 2 ** 20]]);
    await expect(askedName.peek()!.run('much')).rejects.toThrow('‘much’ is no size');
    expect([bytesIn('512'), bytesIn('1.5k'), bytesIn('2 GiB')]).toEqual([512, 1536, 2 ** 31]);
  });
});

describe('a guest that was asked to shut down', () => {
  const signal = <T>(value: T) => ({ value, peek: () => value });
  const session = { id: 1, gone: signal(false), info: signal({ id: 1, name: 'pc' }) } as never;
  const task = (startedMs: number): Task => ({
    id: 7,
    command: 'xl trigger pc power',
    state: 'running',
    startedMs,
    message: 'Pressed; the guest decides.',
  });

  it('says how it was asked and what is left, and offers that when it has had its time', async () => {
    const early = shown(h(ShutdownNote, { session, task: task(Date.now()) }));
    await eventually(() => expect(early.textContent).toContain('Pressed; the guest decides.'));
    expect(early.textContent).toContain('xl destroy pc or virsh destroy pc');
    expect(button(early, 'Destroy now')).toBeUndefined();
    await press(shown(h(ShutdownNote, { session, task: task(Date.now() - 60_000) })), 'Destroy now');
    await isAsked(['destroy', 1]);
  });
});
