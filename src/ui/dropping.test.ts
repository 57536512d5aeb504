// @vitest-environment happy-dom
import { h, render } from 'preact';
import { beforeEach, expect, it, vi } from 'vitest';
import { eventually } from '../../test/support/eventually.ts';
import type { Edited, NamedFile, Plan } from '../dom0/service/index.ts';

const planOf = (name: string): Plan => ({
  name,
  errors: [],
  findings: [],
  definition: `name = "${name}"\n`,
  creates: { file: `${name}.cfg` },
  summary: { memoryMiB: 16, vcpus: 1, type: 'hvm' },
});
/** Of a definition or an image: its name, without what is behind the point. */
const nameOf = (files: readonly { name: string }[]): string => files[0]!.name.replace(/\.\w+$/, '');
vi.mock('./host.ts', async original => ({
  ...(await original<object>()),
  host: {
    plan: async (files: NamedFile[]) => planOf(nameOf(files)),
    cancelPlan: async () => {},
    judgeText: async ({ path, text }: Edited) => ({
      text,
      plan: planOf(nameOf([{ name: path }])),
      definition: { type: 'hvm', name: path },
      form: [],
      lines: [],
    }),
  },
}));
// The form is tested in its own place (parts/edit-form.tsx).
vi.mock('./parts/edit-form.tsx', () => ({ EditForm: () => null }));
vi.mock('./parts/edit-text.tsx', () => ({ EditText: () => null, Approximations: () => null }));
vi.mock('./parts/memory-after.tsx', () => ({ MemoryAfter: () => null }));
const { addFiles, backToSeveral, discard, typeDraft } = await import('./dropping.ts');
const { draft, several, setAside } = await import('./navigation.ts');
const { openAlone } = await import('./several-definitions.ts');
// Loaded with the first file, but what earlier tests gave is to be remembered before the last one looks.
const { remembered } = await import('./reopen.ts');
const { DraftPage } = await import('./parts/draft-page.tsx');
const { SeveralPage } = await import('./parts/several-page.tsx');

const file = (name: string, text: string): NamedFile => ({ name, data: new Blob([text]) });
const WEB = file('web.cfg', 'name = "web"\n'),
  VM = file('vm.xml', '<domain/>\n');
const texts = async (): Promise<string[]> =>
  Promise.all((several.value ?? []).map(async each => `${each.file.name}: ${await each.file.data.text()}`));

let root: HTMLElement;
const show = (page: () => unknown): void => render(h(page as () => null, {}), root);
const press = (name: RegExp): void =>
  [...root.querySelectorAll('button')].find(button => name.test(button.textContent!))!.click();

beforeEach(() => {
  draft.value = several.value = undefined;
  setAside.value = [];
  root = document.createElement('div');
  document.body.replaceChildren(root);
});

it('shows a second definition next to the first, with what was changed in that here', async () => {
  await addFiles([WEB]);
  typeDraft('name = "web"\nmemory = 64\n');
  await addFiles([VM]);
  expect(draft.value).toBeUndefined();
  expect(await texts()).toEqual(['web.cfg: name = "web"\nmemory = 64\n', 'vm.xml: <domain/>\n']);
  await addFiles([file('third.cfg', 'name = "third"\n')]);
  expect((await texts()).length).toBe(3);
  // One that is shown alone is not all that there is.
  openAlone(several.value![0]!);
  await eventually(() => expect(draft.value?.judging).toBe(false));
  expect(setAside.value.map(({ name }) => name)).toEqual(['vm.xml', 'third.cfg']);
  await addFiles([file('notes.txt', 'x')]);
  backToSeveral();
  await eventually(() => expect(several.value?.length).toBe(3));
});

it('says of files that a definition does not name that nothing uses them, and makes a guest of one', async () => {
  await addFiles([WEB, file('other.img', 'a disk')]);
  show(DraftPage);
  expect(root.querySelector('.unused')!.textContent).toContain('web.cfg does not name other.img, so nothing uses it.');
  press(/^Make a guest of other\.img$/);
  await eventually(async () =>
    expect(await texts()).toEqual(['web.cfg: name = "web"\n', 'other.cfg: name = "other"\n']),
  );
  // Neither of several names it.
  several.value = several.value!.map(each => ({ ...each, busy: false, files: [] }));
  show(SeveralPage);
  expect(root.querySelector('.unused')!.textContent).toContain('other.img: none of them names it.');
});

it('keeps a definition that was changed here when another with its name is dropped', async () => {
  await addFiles([WEB]);
  typeDraft('name = "web"\nmemory = 64\n');
  // The same file again is no other one.
  await addFiles([file('web.cfg', 'name = "web"\nmemory = 64\n')]);
  show(DraftPage);
  expect(root.textContent).not.toContain('takes the place');
  await addFiles([WEB]);
  show(DraftPage);
  expect(root.textContent).toContain('web.cfg replaces the one of this name that was here.');
  press(/^Keep that one, too$/);
  await eventually(async () =>
    expect(await texts()).toEqual(['web.cfg: name = "web"\n', 'web-2.cfg: name = "web"\nmemory = 64\n']),
  );
  discard();
});

it('offers to a page that is loaded again all that was dropped, with what was changed', async () => {
  remembered.value = [];
  await addFiles([WEB, file('other.img', 'a disk')]);
  const sets = (): Promise<string[][]> =>
    Promise.all(
      remembered.value.map(({ files }) =>
        Promise.all(files.map(async ({ name, content }) => `${name}: ${await content!.text()}`)),
      ),
    );
  typeDraft('name = "web"\nmemory = 64\n');
  await eventually(async () =>
    expect(await sets()).toEqual([['other.img: a disk', 'web.cfg: name = "web"\nmemory = 64\n']]),
  );
  await addFiles([VM]);
  // In place of the set that it completes.
  await eventually(async () =>
    expect(await sets()).toEqual([
      ['other.img: a disk', 'vm.xml: <domain/>\n', 'web.cfg: name = "web"\nmemory = 64\n'],
    ]),
  );
});
