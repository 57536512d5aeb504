/** What may be asked of a host, in the words of its definition. */
import type { HostDefinition } from '../dom0/service/index.ts';

/** How `readHost` spells it. */
const SPELLED: Record<keyof HostDefinition, string> = {
  pcpus: 'pcpus',
  memoryMiB: 'memory',
  vt: 'vt',
  diskBytes: 'disk',
};

/** Words for `readHost`. @throws Error where there is no such option */
export function hostWords(what: Partial<HostDefinition>): string {
  const words = Object.entries(what).map(([name, value]) => {
    const word = (SPELLED as Record<string, string>)[name];
    if (word === undefined)
      throw new Error(
        `createHost knows no ${name}: it takes ${[...Object.keys(SPELLED), 'state', 'files', 'boot', 'xen'].join(', ')}.`,
      );
    return value === undefined ? '' : `${word}=${typeof value === 'boolean' ? (value ? 'on' : 'off') : value}`;
  });
  return words.join(' ');
}
