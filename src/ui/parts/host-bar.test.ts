// @vitest-environment happy-dom
import { h, render } from 'preact';
import { afterEach, expect, it, vi } from 'vitest';
import { eventually } from '../../../test/support/eventually.ts';
import type { Inventory } from '../../dom0/service/index.ts';
import { newDefinition } from '../../dom0/definitions/config/index.ts';

vi.mock('../host.ts', async original => ({
  ...(await original<object>()),
  host: {
    inventory: () => new Promise(() => {}),
    openDefinition: async () => OPENED,
    judgeText: async ({ text }: { text: string }) => ({
      text,
      plan: PLAN,
      definition: newDefinition(),
      isForeign: false,
      cards: [],
      kinds: [],
      canKeep: true,
    }),
  },
}));
const OPENED = {
  path: '/etc/xen/vm/web',
  text: 'name = "web"',
  isKept: true,
  automatic: false,
  choices: { kernels: [], disks: [], taken: [] },
};
const PLAN = {
  name: 'web',
  errors: [],
  findings: [],
  definition: '',
  command: '',
  summary: { memoryMiB: 8, vcpus: 1, type: 'pv' },
};
const { inventory } = await import('../inventory.ts');
const { PANELS } = await import('../panels.ts');
const { deleting } = await import('../leaving.ts');
const { place } = await import('../navigation.ts');
const { Bench } = await import('./regions.tsx');
const { Tree } = await import('./tree.tsx');

const seen: Inventory = {
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
};
const defined = [{ name: 'web', path: '/etc/xen/vm/web', type: 'pv' as const, memoryMiB: 8, vcpus: 1, errors: [] }];
const roots: HTMLElement[] = [];
function show(what: Parameters<typeof render>[0]): HTMLElement {
  const root = document.createElement('div');
  document.body.append(root);
  roots.push(root);
  render(what, root);
  return root;
}
const drawn = (): Promise<void> => new Promise(resolve => setTimeout(resolve, 30));
afterEach(() => {
  for (const root of roots.splice(0)) {
    render(null, root);
    root.remove();
  }
  inventory.value = undefined;
  place.value = { kind: 'home' };
});

it('keeps the host’s tabs, and the focus on them, while the page below changes and is loaded', async () => {
  const root = show(h(Bench, { panels: PANELS }));
  const bar = root.querySelector('[role=tablist]')!,
    tab = [...root.querySelectorAll<HTMLElement>('[role=tab]')].find(each => each.textContent === 'Network')!;
  tab.focus();
  tab.click();
  await drawn();
  expect(root.querySelector('[role=tablist]')).toBe(bar);
  expect(document.activeElement).toBe(tab);
  expect(root.querySelector('[role=tabpanel]')!.getAttribute('aria-labelledby')).toBe(tab.id);
  expect(root.querySelector(`#${tab.getAttribute('aria-controls')}`)).toBe(root.querySelector('[role=tabpanel]'));
});

it('leaves the tree one Tab stop wherever one is', async () => {
  const root = show(h(Tree, {}));
  const stops = (): (string | undefined)[] =>
    [...root.querySelectorAll<HTMLElement>('[role=treeitem][tabindex="0"]')].map(row => row.dataset.name);
  expect(stops()).toEqual(['ringside-1']);
  place.value = { kind: 'shell' };
  await eventually(() => expect(stops()).toEqual(['Domain-0']));
  place.value = { kind: 'domain', id: 77 };
  await eventually(() => expect(stops()).toEqual(['ringside-1']));
});

it('says that a definition is gone only where it knows what is defined, and lets one be kept that is to be deleted', async () => {
  place.value = { kind: 'defined', name: 'web' };
  inventory.value = seen;
  const root = show(h(Bench, { panels: PANELS }));
  await eventually(() =>
    expect(root.querySelector<HTMLTextAreaElement>('textarea:not(.notes)')?.value).toBe(OPENED.text),
  );
  inventory.value = { ...seen, stored: { checkpoints: [], defined: [] } };
  await eventually(() => expect(root.textContent).toContain('web is no longer defined.'));
  inventory.value = { ...seen, stored: { checkpoints: [], defined } };
  const button = (name: string) => [...root.querySelectorAll('button')].find(each => each.textContent === name);
  const press = (name: string) => eventually(() => button(name)!.click());
  await press('Delete');
  await eventually(() => expect(root.querySelector('[role=alert]')!.textContent).toContain('deleted within 8 s'));
  await press('Keep web');
  await eventually(() => expect(deleting.value.size).toBe(0));
  await eventually(() => expect(button('Start paused')).toBeDefined());
});
