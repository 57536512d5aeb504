/**
 * Menus of boot loaders as pygrub reads them on a guest's disk: grub.cfg, menu.lst, extlinux.conf. Sources: GrubConf.py and ExtLinuxConf.py in tools/pygrub of
 * Xen 4.17 for what counts; the manuals of GRUB legacy and SYSLINUX.
 */
import { findEntry, type GrubNode, readBootCommands, readGrubConfig } from './grub-config.ts';

export interface MenuEntry {
  title: string;
  kernel?: string;
  ramdisk?: string;
  args: string;
}

export interface Menu {
  entries: MenuEntry[];
  /** Of the entries; where the menu names none that there is, the first one. */
  chosen: number;
}

const MOST_ENTRIES = 1000;
/** A path with the device that GRUB would look at in front. */
const withoutDevice = (path: string): string => path.replace(/^\([^)]*\)/, '');

/** What is called `name` as GRUB names it, by its title or its number; undefined: nothing is. */
function indexOf(entries: readonly MenuEntry[], name: string | undefined): number | undefined {
  if (name === undefined) return undefined;
  if (/^\d{1,4}$/.test(name)) return Number(name) < entries.length ? Number(name) : undefined;
  const index = entries.findIndex(({ title }) => title === name);
  return index < 0 ? undefined : index;
}

/** grub.cfg; entries of submenus count one behind the other, as with pygrub. `asked`: a number or a title that counts more than `default`. */
export function readGrubCfg(text: string, asked?: string): Menu {
  const config = readGrubConfig(text);
  const entries: MenuEntry[] = [];
  const byWay = new Map<string, number>();
  const add = (nodes: readonly GrubNode[], way: readonly number[]): void => {
    nodes.forEach((node, i) => {
      if (node.kind === 'submenu') return add(node.entries, [...way, i]);
      const { hypervisor, modules, linux, initrd } = readBootCommands(node.lines, config);
      // An entry that starts Xen has the kernel and its RAM disk as modules.
      const [kernel, ramdisk] = hypervisor ? modules : [linux, initrd];
      byWay.set([...way, i].join(), entries.length);
      entries.push({
        title: node.title,
        args: kernel?.words ?? '',
        ...(kernel ? { kernel: withoutDevice(kernel.path) } : {}),
        ...(ramdisk ? { ramdisk: withoutDevice(ramdisk.path) } : {}),
      });
    });
  };
  add(config.entries, []);
  const way = findEntry(config.entries, config.default);
  return { entries, chosen: indexOf(entries, asked) ?? (way && byWay.get(way.join())) ?? 0 };
}

const lines = (text: string): string[] =>
  text
    .split(/\r?\n/)
    .map(line => line.trim())
    .filter(line => line !== '' && !line.startsWith('#'));

/** A word, and what is behind it. */
const divided = (line: string): [word: string, rest: string] => {
  const [, word, rest] = /^([^\s=]+)(?:\s*=\s*|\s+|$)(.*)$/s.exec(line) ?? ['', line, ''];
  return [word, rest];
};

/** The menu of GRUB legacy (menu.lst, grub.conf). */
export function readMenuLst(text: string, asked?: string): Menu {
  const entries: MenuEntry[] = [];
  let standard: string | undefined,
    hypervisor = false;
  for (const line of lines(text)) {
    const [word, rest] = divided(line);
    const entry = entries.at(-1);
    const [path = '', ...args] = rest.split(/\s+/);
    if (word === 'title') {
      if (entries.length < MOST_ENTRIES) entries.push({ title: rest, args: '' });
      hypervisor = false;
    } else if (!entry) {
      if (word === 'default') standard = rest;
    } else if (word === 'kernel') {
      hypervisor = /\/xen[^/]*\.gz$/.test(path);
      if (!hypervisor) Object.assign(entry, { kernel: withoutDevice(path), args: args.join(' ') });
    } else if (word === 'module' && hypervisor) {
      if (entry.kernel === undefined) Object.assign(entry, { kernel: withoutDevice(path), args: args.join(' ') });
      else entry.ramdisk ??= withoutDevice(path);
    } else if (word === 'initrd') entry.ramdisk = withoutDevice(path);
  }
  return { entries, chosen: indexOf(entries, asked) ?? indexOf(entries, standard) ?? 0 };
}

/** The configuration of EXTLINUX and ISOLINUX; paths are from its folder on. */
export function readExtlinux(text: string, folder: string, asked?: string): Menu {
  const entries: MenuEntry[] = [];
  let standard: string | undefined;
  const at = (path: string): string => (path.startsWith('/') ? path : `${folder}/${path}`);
  for (const line of lines(text)) {
    const [written, rest] = divided(line);
    const word = written.toLowerCase();
    const entry = entries.at(-1);
    if (word === 'label') {
      if (entries.length < MOST_ENTRIES) entries.push({ title: rest, args: '' });
    } else if (word === 'default' && !entry) standard = rest;
    else if (entry && (word === 'kernel' || word === 'linux')) entry.kernel = at(rest.split(/\s+/)[0]);
    else if (entry && word === 'initrd') entry.ramdisk = at(rest.split(',')[0]);
    else if (entry && word === 'append') {
      if (entry.kernel?.endsWith('mboot.c32')) {
        // A hypervisor with its modules, --- between them.
        const [kernel = '', ramdisk] = rest
          .split('---')
          .map(part => part.trim())
          .slice(-2);
        const [path, ...args] = kernel.split(/\s+/);
        Object.assign(entry, { kernel: at(path), args: args.join(' '), ...(ramdisk ? { ramdisk: at(ramdisk) } : {}) });
        continue;
      }
      const words = rest.replace(/^"(.*)"$/, '$1').split(/\s+/);
      const initrd = words.find(each => each.startsWith('initrd='));
      if (initrd) entry.ramdisk = at(initrd.slice(7).split(',')[0]);
      entry.args = words.filter(each => each !== initrd).join(' ');
    }
  }
  return { entries, chosen: indexOf(entries, asked) ?? indexOf(entries, standard) ?? 0 };
}
