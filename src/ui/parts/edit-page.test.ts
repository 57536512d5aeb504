// @vitest-environment happy-dom
import { h, render } from 'preact';
import { expect, it, vi } from 'vitest';
import { eventually } from '../../../test/support/eventually.ts';

// Form and text are tested in their own places.
vi.mock('./edit-form.tsx', () => ({ EditForm: () => null }));
vi.mock('./edit-text.tsx', () => ({ EditText: () => null, Approximations: () => null, goToError: () => {} }));
const { editing } = await import('../editing.ts');
const { domains } = await import('../host.ts');
const { place } = await import('../navigation.ts');
const { pool } = await import('../pool/pool.ts');
const { EditPage } = await import('./edit-page.tsx');

const TEXT = 'name = "web"\n';
const host = (name: string, guests: string[], is: { isMe?: boolean; isThere?: boolean } = {}) => ({
  name,
  isMe: false,
  isThere: true,
  guests: guests.map(guest => ({ name: guest })),
  ...is,
});
const known = (...hosts: ReturnType<typeof host>[]): void => {
  pool.value = { hosts } as unknown as NonNullable<typeof pool.value>;
};

it('says at the definition of a guest that has moved where it runs, as long as it does there and not here', async () => {
  editing.value = { name: 'web', path: 'web.cfg', text: TEXT, kept: TEXT, isKept: true, busy: false } as never;
  const root = document.createElement('div');
  document.body.append(root);
  render(h(EditPage, { name: 'web' }), root);
  const notes = (): (string | null)[] => [...root.querySelectorAll('.note[role=status]')].map(note => note.textContent);
  const says = (...expected: unknown[]): Promise<void> => eventually(() => expect(notes()).toEqual(expected));
  await says();
  known(host('alfa', [], { isMe: true }), host('bravo', ['web', 'db']));
  await says(expect.stringMatching(/^web .*bravo/));
  root.querySelector<HTMLButtonElement>('.note button')!.click();
  expect(place.value).toMatchObject({ kind: 'home', tab: 'pool' });
  // It has come back, or its host has gone.
  domains.value = [{ id: 3, name: 'web', state: 'r' }] as never;
  await says();
  domains.value = [];
  await says(expect.stringMatching(/bravo/));
  known(host('alfa', [], { isMe: true }), host('bravo', ['web'], { isThere: false }));
  await says();
});
