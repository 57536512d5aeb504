// @vitest-environment happy-dom
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { DefinedDomain, DomainInfo, Inventory, Reading, StateInfo } from '../dom0/service/index.ts';

const asked = vi.hoisted(
  () => [] as { opens: boolean; afterMs: number; answer(seen: unknown): void; refuse(why: Error): void }[],
);
vi.mock('./host.ts', async original => ({
  ...(await original<object>()),
  host: {
    inventory: (opens: boolean, afterMs: number) =>
      new Promise((answer, refuse) => {
        asked.push({ opens, afterMs, answer, refuse });
      }),
  },
}));
const { domains, hostsLost, tasks } = await import('./host.ts');
const { followInventory, halted, inventory, look, openState, readings } = await import('./inventory.ts');
const { state } = await import('./shell-session.ts');

const seen = (where?: StateInfo): Inventory => ({
  atMs: 0,
  upSeconds: 0,
  hasVt: true,
  scheduler: 'credit',
  domain0: { memoryMiB: 10, vcpus: 1, runNs: 0 },
  runNs: {},
  disks: {},
  upSecondsOf: {},
  addresses: {},
  tags: {},
  bridge: { name: 'xenbr0', ports: [], stations: [] },
  readings: [],
  ...(where ? { stored: { defined: [], checkpoints: [], where } } : {}),
});
const settled = (): Promise<void> => new Promise(resolve => setTimeout(resolve));
followInventory(new Promise(() => {}));
beforeEach(() => {
  hostsLost.value++;
  asked.length = 0;
});

describe('looks at the host', () => {
  it('go one at a time: whoever asks meanwhile gets the next', async () => {
    for (let i = 0; i < 5; i++) void look();
    expect(asked.length).toBe(1);
    asked[0]!.answer(seen());
    await settled();
    expect(asked.length).toBe(2);
    asked[1]!.answer(seen());
    await settled();
    expect(asked.length).toBe(2);
  });

  it('go on at the Domain 0 that takes the place of one that never answered', async () => {
    void look();
    hostsLost.value++;
    void look();
    expect(asked.length).toBe(2);
    asked[0]!.answer({ ...seen(), upSeconds: 99 });
    await settled();
    expect(inventory.value).toBeUndefined();
    asked[1]!.answer(seen());
    await settled();
    expect(inventory.value?.upSeconds).toBe(0);
  });

  it('leave the disk alone after it was refused, until another Domain 0 is there; that one ended is no refusal', async () => {
    openState();
    hostsLost.value++;
    asked[0]!.refuse(new Error('Domain-0 ended.'));
    await settled();
    void look();
    expect(asked.at(-1)!.opens).toBe(true);
    asked.at(-1)!.refuse(new Error('The disk is damaged.'));
    await settled();
    expect(tasks.value.map(({ message }) => message)).toEqual(['The disk is damaged.']);
    void look();
    expect(asked.at(-1)!.opens).toBe(false);
    hostsLost.value++;
    void look();
    expect(asked.at(-1)!.opens).toBe(true);
  });

  it('ask for what Domain 0 has read since the last one', async () => {
    const reading = (atMs: number): Reading => ({
      atMs,
      overMs: 1000,
      cpuPercent: {},
      memoryMiB: {},
      network: {},
      disks: {},
    });
    for (const [afterMs, ...found] of [
      [-Infinity, 1000, 2000],
      [2000, 5000, 8000, 11_000],
    ]) {
      void look();
      expect(asked.at(-1)!.afterMs).toBe(afterMs);
      asked.at(-1)!.answer({ ...seen(), readings: found.map(reading) });
      await settled();
    }
    expect(readings.value.map(({ atMs }) => atMs)).toEqual([1000, 2000, 5000, 8000, 11_000]);
  });

  it('and what is told of domains make one row of each, however old the look is', () => {
    const defined = (name: string): DefinedDomain => ({
      name,
      path: `/etc/xen/vm/${name}`,
      type: 'pvh',
      memoryMiB: 16,
      vcpus: 1,
      errors: [],
    });
    const web: DomainInfo = { ...defined('web'), id: 1, state: 'r', definition: '' };
    const names = (): string[] => halted.value.map(({ name }) => name);
    inventory.value = { ...seen(), stored: { defined: [defined('db'), defined('web')], checkpoints: [] } };
    expect(names()).toEqual(['db', 'web']);
    domains.value = [web];
    expect(names()).toEqual(['db']);
    // One that has stopped can be looked at; what is defined can be started again next to it.
    domains.value = [{ ...web, state: 's' }];
    expect(names()).toEqual(['db', 'web']);
    domains.value = [];
  });

  it('tell when another tab has taken what was kept', async () => {
    for (const where of [
      { where: 'this browser', kept: true },
      { where: 'memory', kept: false, why: 'Another tab of this browser has taken them over.' },
    ]) {
      void look();
      asked.at(-1)!.answer(seen(where));
      await settled();
      expect(state.value).toEqual(where);
    }
  });
});
