/** What the checks between elements (between.ts, between-qemu.ts) have in common. */
import { childOf, type Element } from './tree.ts';

export interface Mismatch {
  at: Element;
  text: string;
}
export type Judge = (domain: Element) => (Mismatch | undefined | false)[];

export const all = (element: Element | undefined, name: string): Element[] =>
  element?.children.filter(child => child.name === name) ?? [];
export const devicesOf = (domain: Element, name: string): Element[] => all(childOf(domain, 'devices'), name);
export const attribute = (element: Element | undefined, child: string, name: string): string | undefined =>
  childOf(element, child)?.attributes[name];
export const fault = (is: unknown, at: Element | undefined, text: string): Mismatch | undefined =>
  is && at ? { at, text } : undefined;
export const vcpusOf = (domain: Element): number => Number(childOf(domain, 'vcpu')?.text || 1);
/** Numbers of a bitmap such as 0-2,^1. */
export function numbersOf(text: string): number[] {
  const numbers = new Set<number>();
  for (const part of text.split(',')) {
    const [first, last = first] = part.replace('^', '').split('-').map(Number);
    for (let number = first; number <= Math.min(last, first + 4096); number++)
      if (part.startsWith('^')) numbers.delete(number);
      else numbers.add(number);
  }
  return [...numbers];
}

/** Numbers of the threads for input and output: those that <iothreadids> names, and then the next ones. */
export function ioThreadsOf(domain: Element): Set<string> {
  const ids = all(childOf(domain, 'iothreadids'), 'iothread').map(({ attributes }) => attributes.id ?? '');
  const count = Math.max(ids.length, Number(childOf(domain, 'iothreads')?.text || 0));
  for (let id = 1; ids.length < Math.min(count, 1024); id++) if (!ids.includes(`${id}`)) ids.push(`${id}`);
  return new Set(ids);
}

/** A PC of PCI Express. */
export const isQ35 = (domain: Element): boolean =>
  attribute(childOf(domain, 'os'), 'type', 'machine')?.includes('q35') ?? false;

/** Controllers of a type with their numbers: what says none has the next free one, and a root of PCI 0 (virDomainControllerDefPostParse()). */
export function numbered(
  domain: Element,
  type: string,
): { controller: Element; index: number; model: string | undefined }[] {
  const controllers = devicesOf(domain, 'controller').filter(({ attributes }) => attributes.type === type);
  const isRoot = ({ attributes: { model } }: Element): boolean => /^pcie?-root$/.test(model ?? '');
  const taken = new Set(
    controllers.map(each => Number(each.attributes.index ?? (type === 'pci' && isRoot(each) ? 0 : NaN))),
  );
  return controllers.map(controller => {
    const { index, model } = controller.attributes;
    if (index !== undefined || (type === 'pci' && isRoot(controller)))
      return { controller, index: Number(index ?? 0), model };
    let next = 0;
    while (taken.has(next)) next++;
    taken.add(next);
    return { controller, index: next, model };
  });
}

/** Two devices with one name, or at one place. */
export function twice(
  elements: readonly Element[],
  keyOf: (element: Element) => string | undefined,
  say: (key: string, other: Element) => string,
) {
  const first = new Map<string, Element>();
  return elements.map(element => {
    const key = keyOf(element);
    const other = key === undefined ? undefined : first.get(key);
    if (key !== undefined && !other) first.set(key, element);
    return other && { at: element, text: say(key!, other) };
  });
}
