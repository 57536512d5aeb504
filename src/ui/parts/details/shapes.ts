/** Which pages a domain's hardware has, what each is called, and when a change of it may count. */

import type { Definition, Device, Hardware, Impact, OpenedDefinition } from '../../../dom0/service/index.ts';
import { words } from './words.ts';

export const OVERVIEW = 'overview',
  CPUS = 'cpus',
  MEMORY = 'memory',
  BOOT = 'boot',
  ADD = 'add';

export interface Page {
  key: string;
  name: string;
  /** What differs between now and the next start. */
  note?: string;
  device?: Device;
}

/** The text of an element of a device's XML: its first attribute of a name, by a pattern, as the document has it. */
const attribute = (xml: string, element: string, name: string): string | undefined =>
  new RegExp(`<${element}\\b[^>]*\\s${name}='([^']*)'`).exec(xml)?.[1];

/** What a device is called, among those of its kind. */
export function nameOfDevice({ key, name, now, next }: Device): string {
  const xml = now ?? next ?? '';
  if (name === 'disk') {
    const kind = attribute(xml, 'disk', 'device') ?? 'disk';
    return `${words.devices[kind] ?? kind} ${attribute(xml, 'target', 'dev') ?? ''}`.trim();
  }
  const called = words.devices[name] ?? name;
  if (name === 'interface') return `${called} ${attribute(xml, 'mac', 'address')?.slice(-8) ?? ''}`.trim();
  const number = / (\d+)$/.exec(key)?.[1];
  const kind = attribute(xml, name, 'type') ?? attribute(xml, name, 'model');
  return [called, kind, number].filter(Boolean).join(' ');
}

/** What a device is now and what it is from the next start on, where that is not the same. */
const noteOf = ({ now, next, differs }: Device): string | undefined =>
  next === undefined ? words.onlyNow : now === undefined ? words.onlyNext : differs ? words.changes : undefined;

export function pagesOf({ devices, now, next }: Hardware): Page[] {
  const differs = (of: (definition: Definition) => unknown): { note?: string } =>
    now && next && of(now) !== of(next) ? { note: words.changes } : {};
  return [
    { key: OVERVIEW, name: words.overview },
    { key: CPUS, name: words.cpus, ...differs(({ vcpus }) => vcpus) },
    { key: MEMORY, name: words.memory, ...differs(({ memoryMiB }) => memoryMiB) },
    { key: BOOT, name: words.boot, ...differs(({ bootOrder }) => bootOrder) },
    ...devices.map((device): Page => {
      const note = now && next && noteOf(device);
      return { key: device.key, name: nameOfDevice(device), device, ...(note ? { note } : {}) };
    }),
  ];
}

/** `canNow`: it can be added while the domain runs. The usual one comes first. */
export function impactsOf({ id, path }: Pick<Hardware, 'id' | 'path'>, canNow: boolean): Impact[] {
  if (path === undefined) return canNow ? ['now'] : [];
  return id !== undefined && canNow ? ['both', 'now', 'next'] : ['next'];
}

/** The first device of a kind that a domain has not. Under Xen xvda, hda and sda are one drive (xen-vbd-interface(7)). */
export function freeTarget(taken: readonly string[], prefix: string): string {
  const alike = prefix === 'vd' ? [prefix] : ['xvd', 'hd', 'sd'];
  const letter = [...'abcdefghijklmnop'].find(each => !alike.some(kind => taken.includes(kind + each)));
  return prefix + (letter ?? 'q');
}

/** The first volume or image that neither the domain nor another one has; none: ''. */
export const freeDisk = (
  { disks, taken }: Pick<OpenedDefinition['choices'], 'disks' | 'taken'>,
  has: readonly { target: string }[],
): string => disks.find(path => !taken.includes(path) && !has.some(({ target }) => target === path)) ?? '';
