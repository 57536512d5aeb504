/** What `npm run -s soak:amd64` (scripts/soak-amd64.mjs) compares saved states with. */
import { readFileSync } from 'node:fs';
import { differences, readState } from '../hypervisor/interfaces/xen/stream/index.ts';

/** Where two files of saved states differ, but for what a restored guest has again: a line for each place. @throws SavedStateError */
export function stateDifferences(one: string, other: string): string[] {
  const [a, b] = [one, other].map(path => readState(new Uint8Array(readFileSync(path)), path));
  return differences(a!, b!);
}
