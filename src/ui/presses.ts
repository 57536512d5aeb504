/**
 * Pause and Run of a guest that is being made anew, or driven by a lesson: the domain that is there goes, or must run to its prompt first. The last press is
 * kept by the guest's name, and counts for the domain that has the name afterwards.
 */
import { signal } from '@preact/signals';

export type Press = 'pause' | 'unpause';

/** By name: who is being made, and what was pressed last meanwhile. */
export const inTheMaking = signal<ReadonlyMap<string, Press | undefined>>(new Map());

/** Keeps a press for whoever will have the name; false: nobody is being made, and it can be done now. */
export function keepPress(name: string, press: Press): boolean {
  if (!inTheMaking.peek().has(name)) return false;
  inTheMaking.value = new Map(inTheMaking.peek()).set(name, press);
  return true;
}

/** Keeps presses for these guests until `work` is done, and then carries each out. @throws what `work` throws; what was pressed is carried out then, too */
export async function keepingPresses<T>(
  names: readonly string[],
  work: () => Promise<T>,
  carryOut: (name: string, press: Press) => Promise<void>,
): Promise<T> {
  inTheMaking.value = new Map([...inTheMaking.peek(), ...names.map(name => [name, undefined] as const)]);
  try {
    return await work();
  } finally {
    const kept = names.map(name => [name, inTheMaking.peek().get(name)] as const);
    inTheMaking.value = new Map([...inTheMaking.peek()].filter(([name]) => !names.includes(name)));
    for (const [name, press] of kept) if (press) await carryOut(name, press);
  }
}
