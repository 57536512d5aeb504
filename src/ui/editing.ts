/** The definition that is being edited, as a text that a form changes, too. What was not kept yet is there again after a reload of the page. */

import { computed, signal } from '@preact/signals';
import type { Changes, Finding, JudgedText, OpenedDefinition } from '../dom0/service/index.ts';
import { host } from './host.ts';
import { sentence } from './sentence.ts';
import { look } from './inventory.ts';
import { allRemedied, remedied } from './error-remedy.ts';
import { deleteDefinition } from './leaving.ts';
import { go, openDomain } from './navigation.ts';
import { Typing } from './typing.ts';

export interface Editing extends OpenedDefinition {
  /** The domain that is defined; '' for a new one. */
  name: string;
  /** As it is kept. */
  kept: string;
  judged?: JudgedText;
  /** The same with what its errors say to write in their place, where each says it: what would be created then, or what would still be in its way. */
  mended?: { of: string; judged: JudgedText };
  /** Domain 0 is at it. */
  busy: boolean;
  /** Why it could not be kept, or started. */
  problem?: string;
}

/** Undefined: it is being opened. */
export const editing = signal<Editing | undefined>(undefined);
/** Why it cannot be opened. */
export const openProblem = signal<string | undefined>(undefined);
/** The key whose line and field are marked. */
export const chosenKey = signal('');
export const isChanged = computed(() => editing.value !== undefined && editing.value.text !== editing.value.kept);

/** The file that it is called after: of a new one that of its name, whatever it was called when it was begun. */
export const pathOf = ({ isKept, path, judged }: Editing): string =>
  !isKept && judged && /^[\w.-]+$/.test(judged.definition.name) ? `${judged.definition.name}.cfg` : path;

const STORED = 'ringside-edits';

/** Texts that were changed and not kept, by the domain's name. */
function unkept(): Record<string, string> {
  try {
    return JSON.parse(sessionStorage.getItem(STORED) ?? '{}') as Record<string, string>;
  } catch {
    return {};
  }
}

/** A text that is as it is kept need not be remembered. */
function remember({ name, text, kept }: Editing): void {
  const { [name]: _, ...others } = unkept();
  try {
    sessionStorage.setItem(STORED, JSON.stringify(text === kept ? others : { ...others, [name]: text }));
  } catch {
    // A browser that keeps nothing forgets it.
  }
}

window.addEventListener('beforeunload', event => {
  if (Object.keys(unkept()).length > 0) event.preventDefault();
});

const typing = new Typing();
/** Each question has a number; only the last one's answer counts. */
let asked = 0;

/** `name`: of a domain that is defined; '': a new one. */
export async function openEditor(name: string): Promise<void> {
  const mine = ++asked;
  editing.value = openProblem.value = undefined;
  chosenKey.value = '';
  try {
    const opened = await host.openDefinition(name || undefined);
    if (mine !== asked) return;
    const text = unkept()[name] ?? opened.text;
    editing.value = { ...opened, name, text, kept: opened.isKept ? opened.text : '', busy: true };
    await judge();
  } catch (error) {
    if (mine === asked) openProblem.value = sentence(error);
  }
}

async function judge(): Promise<void> {
  const now = editing.peek();
  if (!now) return;
  await take(() => host.judgeText(now));
}

/** Whatever was asked before this is answered too late. */
async function take(question: () => Promise<JudgedText>): Promise<void> {
  const mine = ++asked;
  try {
    const judged = await question();
    if (mine !== asked) return;
    put({ judged, text: judged.text, busy: false });
    const now = editing.peek(),
      text = judged.plan.errors.length > 0 && now ? allRemedied(judged.text, judged.plan.errors) : undefined;
    if (text === undefined || !now) return;
    const then = await host.judgeText({ ...now, text });
    if (mine === asked) put({ mended: { of: judged.text, judged: then } });
  } catch (error) {
    if (mine === asked) put({ busy: false, problem: sentence(error) });
  }
}

function put(changes: Partial<Editing>): void {
  const now = editing.peek();
  if (!now) return;
  editing.value = { ...now, ...changes };
  if (changes.text !== undefined) remember(editing.peek()!);
}

/** What is typed into the text. */
export function type(text: string): void {
  put({ text, busy: true, problem: undefined });
  asked++;
  typing.whenQuiet(() => void judge());
}

/** Writes what an error says, in the place of what is wrong. */
export function mend(finding: Finding): void {
  const text = remedied(editing.peek()?.text ?? '', finding);
  if (text !== undefined) type(text);
}

/** What is changed in the form. */
export function change(changes: Changes): void {
  const now = editing.peek();
  if (!now) return;
  typing.stop();
  put({ busy: true, problem: undefined });
  void take(() => host.changeText(now, changes));
}

/** As it is kept; a new one is put away. */
export function discardChanges(): void {
  const now = editing.peek();
  if (!now) return;
  typing.stop();
  remember({ ...now, text: now.kept });
  if (!now.isKept) {
    asked++;
    editing.value = undefined;
    return go({ kind: 'home' });
  }
  put({ text: now.kept, busy: true, problem: undefined });
  void judge();
}

/** Keeps it under /etc/xen/vm: undefined where it was refused. */
export async function keep(): Promise<string | undefined> {
  const now = editing.peek();
  if (!now) return undefined;
  put({ busy: true, problem: undefined });
  try {
    const { name } = await host.new(pathOf(now), now.text);
    remember({ ...now, text: now.kept });
    // It has a UUID now, and perhaps another name.
    await look();
    await openEditor(name);
    go({ kind: 'defined', name });
    return name;
  } catch (error) {
    put({ busy: false, problem: sentence(error) });
    return undefined;
  }
}

/** Keeps what was changed, and starts it. */
export async function start(paused: boolean): Promise<void> {
  const name = isChanged.peek() || !editing.peek()?.isKept ? await keep() : editing.peek()?.name;
  if (name === undefined) return;
  put({ busy: true, problem: undefined });
  try {
    openDomain(await host.start(name, paused));
    put({ busy: false });
  } catch (error) {
    put({ busy: false, problem: sentence(error) });
  }
}

export async function setAutomatic(on: boolean): Promise<void> {
  const name = editing.peek()?.name;
  if (!name) return;
  put({ automatic: on, problem: undefined });
  try {
    await host.setAutomatic(name, on);
  } catch (error) {
    put({ automatic: !on, problem: sentence(error) });
  }
}

export const remove = (): void => deleteDefinition(editing.peek()?.name ?? '');
