/** Commands as they are typed on the page's host. How they are spelled is loaded once the first guest has its prompt: hints alone have them before. */
import { signal } from '@preact/signals';
import type { CommandValue } from '../../dom0/toolstack/hypervisors/command/index.ts';
import { pagePart } from '../load-again.ts';
import { hypervisorOfHost } from './of-host.ts';

const spelling = pagePart(() => import('../../dom0/toolstack/hypervisors/index.ts'));
/** How hypervisors spell commands. */
export const spellers = signal(spelling.loaded);

export function loadSpellers(): void {
  if (!spellers.peek()) void spelling.load().then(loaded => (spellers.value = loaded));
}

/** A command as it is typed on this host; empty until that is loaded. What its tools have no command for is described. */
export const spelled = (command: CommandValue | string): string => {
  if (typeof command === 'string') return command;
  const all = spellers.value;
  return all ? (all.spell(all.spellingsOf(hypervisorOfHost()), command) ?? all.described(command)) : '';
};
