// @vitest-environment happy-dom
import { h, render } from 'preact';
import { expect, it } from 'vitest';
import { App } from '../../src/ui/app.tsx';
import { info } from '../../src/ui/host.ts';
import { PANELS } from '../../src/ui/panels.ts';
import { go, paletteOpen } from '../../src/ui/navigation.ts';
import { eventually } from '../support/eventually.ts';
import { machinePanel } from './machine-panel.tsx';

it('a panel that is added renders at its place, and the search leads there', async () => {
  const root = document.createElement('div');
  document.body.append(root);
  info.value = { mode: 'single', pcpus: 2, memoryMiB: 1024, freeMiB: 768 } as unknown as typeof info.value;
  render(h(App, { panels: [machinePanel, ...PANELS] }), root);
  expect(root.querySelector('h1')!.textContent).toContain('Boot an x86 computer');
  paletteOpen.value = true;
  // The search is loaded when it is wanted.
  const entry = await eventually(() => {
    const found = [...root.querySelectorAll<HTMLElement>('dialog [role=option]')].find(
      option => option.textContent === 'Go to Machine',
    );
    expect(found).toBeDefined();
    return found!;
  });
  entry.click();
  const main = () => root.querySelector('main')!.textContent;
  await eventually(() => expect(main()).toContain('768 of 1024 MiB are free.'));
  expect(root.querySelector('h1')).toBeNull();
  go({ kind: 'home' });
  await eventually(() => expect(main()).not.toContain('MiB are free.'));
});

it('the inspector offers all that has something to say, and shows the one that is chosen', async () => {
  const root = document.createElement('div');
  document.body.append(root);
  const speaks = (id: string) => ({
    id,
    region: 'inspector' as const,
    name: `The ${id}`,
    show: () => h('p', {}, `It is ${id}.`),
  });
  render(h(App, { panels: [...PANELS, speaks('one'), speaks('two')] }), root);
  const inspector = () => root.querySelector('aside')!;
  expect(inspector().textContent).toContain('It is one.');
  [...inspector().querySelectorAll('button')].find(button => button.textContent === 'The two')!.click();
  await eventually(() =>
    expect([inspector().getAttribute('aria-label'), inspector().textContent]).toEqual([
      'The two',
      expect.stringContaining('It is two.'),
    ]),
  );
  expect(inspector().textContent).not.toContain('It is one.');
});
