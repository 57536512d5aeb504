/** What was dropped or chosen: taken in, judged, changed by its text and its form, and started. Loaded when the first files come. */

import { signal } from '@preact/signals';
import type { Changes, Edited, NamedFile, Plan } from '../dom0/service/index.ts';
import { host, reportProblem } from './host.ts';
import {
  addFiles as takeAll,
  type Draft,
  draft,
  go,
  leftOut,
  openDomain,
  place,
  rememberGiven,
  SAVED,
  setAside,
  several,
  startOf,
  wanted,
} from './navigation.ts';
import { keepOwnLesson, lessonAddress, OWN_LESSON } from './lessons/list.ts';
import { catalogue } from './offered-guests.ts';
import { hostPages, severalPage } from './parts.ts';
import { sentence } from './sentence.ts';
import { strings } from './strings.ts';
import { Typing } from './typing.ts';

/** Definitions are texts below this size; kernels and disks are not read by the page. */
const DEFINITION_BYTES = 256 * 1024;
/** Of a longer one only the lines with a verdict are shown. */
const MOST_LINES = 400;
export const isDefinition = (file: NamedFile) =>
  file.data.size <= DEFINITION_BYTES &&
  (/\.(cfg|conf|xl|sxp|xml)$/i.test(file.name) || (!/\./.test(file.name) && file.data.size < 16 * 1024));

/** So begins what may be a definition: a kernel may have a name as short. */
const IS_TEXT = /^[\t\r\n -~\xA0-\xFF]+$/;

/** First bytes of an exported host (dom0/host/state/state-file.ts). */
const STATE_MAGIC = 'Ringside state 1';

/** Definitions as they were before others with their names came: with what was changed in them here. */
export const replaced = signal<readonly NamedFile[]>([]);

/** Those of `before` whose name one of `given` has, and that are another text. */
async function otherTexts(before: readonly NamedFile[], given: readonly NamedFile[]): Promise<NamedFile[]> {
  const pairs = before.filter(isDefinition).map(old => ({ old, now: given.find(({ name }) => name === old.name) }));
  const differs = await Promise.all(
    pairs.map(async ({ old, now }) => now !== undefined && (await old.data.text()) !== (await now.data.text())),
  );
  return pairs.filter((_, i) => differs[i]).map(({ old }) => old);
}

/** Takes in dropped or chosen files: a saved state is restored, everything else is judged together with what is already there. */
export async function addFiles(those: NamedFile[] | Promise<NamedFile[]>): Promise<void> {
  let given: NamedFile[] = [];
  try {
    const all = await those;
    given = (await wanted.peek()?.(all)) ?? all;
    if (given.length === 0) return;
    await takeIn(given);
  } catch (error) {
    const problem = strings.errors.notTaken(sentence(error));
    reportProblem(strings.errors.page, problem);
    // What is there already stays; else they wait there for the next time.
    if (!several.peek())
      draft.value = draft.peek()
        ? { ...draft.peek()!, problem }
        : { files: given, texts: new Map(), judging: false, starting: false, problem };
    go({ kind: 'draft' });
  }
}

/** @throws Error where one cannot be read, or a script cannot be loaded */
async function takeIn(all: NamedFile[]): Promise<void> {
  const isText = ({ name }: NamedFile): boolean => /\.(md|markdown)$/i.test(name);
  // Among other files it is what somebody wrote about them: a README in a folder.
  const given = all.every(isText) ? all : all.filter(file => !isText(file));
  leftOut.value = all.filter(file => !given.includes(file)).map(({ name }) => name);
  const own = given.find(isText);
  if (own) {
    // What is wrong with it is on its page.
    keepOwnLesson(await own.data.text());
    location.assign(lessonAddress(OWN_LESSON));
    return;
  }
  const before = several.peek() ? (await severalPage.load()).filesOfSeveral() : (draft.peek()?.files ?? []);
  replaced.value = await otherTexts(before, given);
  // What is there already stays: anything else completes it, and the same name replaces.
  const together = [...before.filter(file => !given.some(({ name }) => name === file.name)), ...given];
  const starts = await Promise.all(together.map(file => startOf(file, SAVED.length)));
  const host = together.find((_, i) => starts[i] === STATE_MAGIC);
  if (host) return (await hostPages.load()).takeIn(host);
  const saved = together.filter((_, i) => starts[i] === SAVED);
  const definitions = together.filter((file, i) => isDefinition(file) && IS_TEXT.test(starts[i]!));
  if (several.peek() || definitions.length + saved.length > 1) {
    const others = setAside.peek().filter(file => !together.some(({ name }) => name === file.name));
    setAside.value = [];
    return (await severalPage.load()).openSeveral([...others, ...together]);
  }
  if (saved.length === 1)
    return restore(
      saved[0]!,
      together.filter(file => file !== saved[0]),
    );
  await judge(together);
}

export async function removeFile(name: string): Promise<void> {
  const files = draft.peek()?.files.filter(file => file.name !== name) ?? [];
  if (files.length === 0) discard();
  else await judge(files);
}

export function discard(): void {
  if (draft.peek()?.judging) void host.cancelPlan();
  draft.value = undefined;
  if (setAside.peek().length > 0) backToSeveral();
  else if (place.peek().kind === 'draft') go({ kind: 'home' });
}

export async function judge(files: NamedFile[]): Promise<void> {
  several.value = undefined;
  draft.value = { files, texts: new Map(), judging: true, starting: false };
  go({ kind: 'draft' });
  rememberGiven(files);
  await judgeQuietly(files);
}

/** Shows the others again, with the one that was shown alone as it is now. */
export function backToSeveral(): void {
  const others = setAside.peek();
  setAside.value = [];
  if (others.length > 0) void takeAll([...others]);
}

export async function judgeQuietly(files: NamedFile[]): Promise<void> {
  const filesNow = () => draft.peek()?.files === files;
  const texts = new Map<string, string>();
  let plan: Plan | undefined, definition: Draft['definition'], problem: string | undefined;
  try {
    // The catalogue says where firmware is.
    await catalogue;
    const edited = await editedOf(files);
    if (edited) {
      const judged = await host.judgeText(edited);
      plan = judged.plan;
      definition = { name: edited.path, text: edited.text, judged };
    } else plan = await host.plan(files);
    const quoted = new Set(
      [...plan.errors, ...plan.findings].filter(finding => finding.source).map(finding => finding.file),
    );
    for (const file of files)
      if (quoted.has(file.name) && file.data.size <= DEFINITION_BYTES) texts.set(file.name, await file.data.text());
  } catch (error) {
    problem = sentence(error);
  }
  if (filesNow() && !draft.peek()?.starting)
    draft.value = {
      files,
      texts,
      judging: false,
      starting: false,
      plan,
      ...(definition ? { definition } : {}),
      problem,
    };
}

/** The one definition among files, where it is text that a person can change; undefined: there is none, or there are several, which is what is reported. */
async function editedOf(files: readonly NamedFile[]): Promise<Edited | undefined> {
  const starts = await Promise.all(files.map(file => startOf(file, SAVED.length)));
  const [only, ...others] = files.filter((file, i) => isDefinition(file) && IS_TEXT.test(starts[i]!));
  if (!only || others.length > 0) return undefined;
  const text = await only.data.text();
  if (text.includes('\uFFFD') || text.includes('\0') || text.split('\n').length > MOST_LINES) return undefined;
  return { path: only.name, text, files: files.filter(file => file !== only), isDropped: true };
}

const typing = new Typing();

/** What somebody types into the text of a dropped definition; the file itself stays as it is. */
export function typeDraft(text: string): void {
  const now = draft.peek();
  if (!now?.definition) return;
  const { definition } = now;
  const files = now.files.map(file =>
    file.name === definition.name ? { name: file.name, data: new Blob([text]) } : file,
  );
  draft.value = { ...now, files, definition: { ...definition, text }, problem: undefined };
  typing.whenQuiet(() => {
    if (draft.peek()?.files !== files) return;
    rememberGiven(files);
    void judgeQuietly(files);
  });
}

/** What somebody changes in its form. */
export async function changeDraft(changes: Changes): Promise<void> {
  const now = draft.peek();
  if (!now?.definition) return;
  const { name, text } = now.definition;
  try {
    const judged = await host.changeText(
      { path: name, text, files: now.files.filter(file => file.name !== name), isDropped: true },
      changes,
    );
    if (draft.peek()?.definition?.text === text) typeDraft(judged.text);
  } catch (error) {
    if (draft.peek()?.files === now.files) draft.value = { ...now, problem: sentence(error) };
  }
}

/** Creates what the draft describes. */
export async function startDraft(): Promise<void> {
  const now = draft.peek();
  if (!now || now.judging || now.starting) return;
  if (now.saved) {
    const [state, ...images] = now.files;
    draft.value = { ...now, starting: true, problem: undefined };
    return restore(state!, images);
  }
  if (!now.plan || now.plan.errors.length > 0) return;
  draft.value = { ...now, starting: true, problem: undefined };
  try {
    const domain = await host.create(now.files);
    rememberGiven(now.files, domain.name);
    draft.value = undefined;
    openDomain(domain, now.files);
    const others = setAside.peek();
    setAside.value = [];
    if (others.length > 0) await (await severalPage.load()).openSeveral(others, false);
  } catch (error) {
    if (draft.peek()?.files === now.files) draft.value = { ...now, starting: false, problem: sentence(error) };
  }
}

/** Restores a saved domain. One that cannot be stays on the page with the reason. */
async function restore(state: NamedFile, images: NamedFile[]): Promise<void> {
  try {
    const domain = await host.restore(state, images);
    rememberGiven([state, ...images], domain.name);
    openDomain(domain, [state, ...images]);
    draft.value = undefined;
  } catch (error) {
    draft.value = {
      files: [state, ...images],
      texts: new Map(),
      judging: false,
      starting: false,
      saved: true,
      problem: sentence(error),
    };
    go({ kind: 'draft' });
  }
}
