/** A name that somebody is asked for: of a clone, or a domain's new one. The dialog is loaded when it is wanted. */

import { commandOf } from '../dom0/toolstack/hypervisors/command/index.ts';
import { domains, host } from './host.ts';
import { inventory, look } from './inventory.ts';
import { freeName } from './parts/snapshot-tree.ts';
import { askedName, go } from './navigation.ts';

const words = {
  clone: (name: string) => `Clone ${name}`,
  cloneHint:
    'A definition of its own, with a UUID and MAC addresses that nobody has, and copies of its disks that share what neither writes.',
  cloneAct: 'Clone',
  rename: (name: string) => `Rename ${name}`,
  renameHint: 'Its definition and its snapshots go along.',
  renameAct: 'Rename',
  label: 'New name',
};
const taken = (): Set<string> =>
  new Set([
    ...domains.peek().map(({ name }) => name),
    ...(inventory.peek()?.stored?.defined ?? []).map(({ name }) => name),
  ]);

export function askClone(name: string): void {
  askedName.value = {
    title: words.clone(name),
    label: words.label,
    hint: words.cloneHint,
    act: words.cloneAct,
    value: freeName(`${name}-clone`, taken()),
    command: to => commandOf('clone', name, { to }),
    run: async to => {
      await host.clone(name, to);
      await look();
      go({ kind: 'defined', name: to });
    },
  };
}

/** `id`: of one that runs; absent: it is only defined. */
export function askRename(name: string, id?: number): void {
  askedName.value = {
    title: words.rename(name),
    label: words.label,
    hint: words.renameHint,
    act: words.renameAct,
    value: name,
    command: to => commandOf('rename', name, { to, halted: id === undefined }),
    run: async to => {
      await host.rename(id ?? name, to);
      await look();
      if (id === undefined) go({ kind: 'defined', name: to });
    },
  };
}
