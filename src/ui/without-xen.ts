/** On a host without Xen the page has other words, and commands are libvirt's. Loaded when such a host has started; a host with Xen finds its own again. */
import { effect, signal } from '@preact/signals';
import { info, spellBy } from './host.ts';
import { persistent } from './load-again.ts';
import { strings } from './strings.ts';

type Its = typeof import('./words-without-xen.ts');
const load = persistent(() => import('./words-without-xen.ts'));
const its = signal<Its | undefined>(undefined);
/** Counts how often the page's words were exchanged. */
export const exchanged = signal(0);
export const isWithout = (): boolean => info.value?.hypervisor === 'kvm';

/** A command as this host has it; written as xl has it. */
export const spelled = (command: string): string => (isWithout() && its.value?.asVirsh(command)) || command;

/** A sentence about what the hypervisor does, written of Xen: of the one that this host has. */
export const said = (text: string): string => (isWithout() && its.value?.ofKvm(text)) || text;

/** What the hypervisor's code calls a function that Xen has by this name; undefined: that is not told. */
export const called = (code: string | undefined): string | undefined =>
  code !== undefined && isWithout() ? its.value?.codeOfKvm(code) : code;

/** Where a sentence is from: Xen's own files say nothing of another hypervisor. */
export const sourceOf = (source: string | undefined): string | undefined =>
  isWithout() && source !== undefined
    ? source
        .split('; ')
        .filter(each => !/xen|vmx\.c/i.test(each))
        .join('; ') || undefined
    : source;

export function followHypervisor(): void {
  spellBy(spelled);
  effect(() => {
    const without = isWithout();
    if (without && !its.value) void load().then(loaded => (its.value = loaded));
    if (!its.value?.haveWords(strings, without)) return;
    exchanged.value = exchanged.peek() + 1;
    info.value = { ...info.peek()! };
  });
}
