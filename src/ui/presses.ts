/**
 * Pause and Run of a guest that is being made again, or driven by a lesson: the domain that is there goes, or must run to its prompt first. The last press is
 * kept by the guest's name, and counts for the domain that has the name afterwards.
 */
import { signal } from '@preact/signals';

export type Press = 'pause' | 'unpause';

/** By name: who is being made, and what was pressed last meanwhile. */
export const inTheMaking = signal<ReadonlyMap<string, Press | undefined>>(new Map());

/** Keeps a press for the domain that will have the name; false: nobody is being made, and it can be done now. */
export function keepPress(name: string, press: Press): boolean {
  if (!inTheMaking.peek().has(name)) return false;
  inTheMaking.value = new Map(inTheMaking.peek()).set(name, press);
  return true;
}

/**
 * Keeps presses for these guests until `work` is done and the page's list has what became of them (`listed`), and then carries each out: a press between the two
 * would be for the domain that is gone. @throws what `work` throws; what was pressed is carried out then, too
 */
export async function keepingPresses<T>(
  names: readonly string[],
  work: () => Promise<T>,
  listed: () => Promise<void>,
  carryOut: (name: string, press: Press) => Promise<void>,
): Promise<T> {
  inTheMaking.value = new Map([...inTheMaking.peek(), ...names.map(name => [name, undefined] as const)]);
  try {
    return await work();
  } finally {
    await listed();
    const kept = names.map(name => [name, inTheMaking.peek().get(name)] as const);
    inTheMaking.value = new Map([...inTheMaking.peek()].filter(([name]) => !names.includes(name)));
    for (const [name, press] of kept) if (press) await carryOut(name, press);
  }
}

/** Presses that Domain 0 has not answered yet, by domain: until then the page's list is behind what was pressed. */
const underWay = new Map<number, number>();

export const isUnderWay = (id: number): boolean => underWay.has(id);

/** Notes that a press is under way while `asked` is. */
export async function notingPress<T>(id: number, asked: Promise<T>): Promise<T> {
  underWay.set(id, (underWay.get(id) ?? 0) + 1);
  try {
    return await asked;
  } finally {
    const left = underWay.get(id)! - 1;
    if (left === 0) underWay.delete(id);
    else underWay.set(id, left);
  }
}
