/**
 * Saving and restoring of registers that a device keeps in one plain object.
 * A device holds `private readonly r = { … }` with numbers, booleans, strings, number arrays and Uint8/16/32Arrays; these helpers copy it whole.
 */
import type { Device, State } from './bus.ts';

/** A saved state that does not fit the device: names device and field. */
export class StateError extends Error {
  constructor(device: string, field: string, what: string) {
    super(`saved state of ${device}: ${field} ${what}. It was probably written by another version.`);
    this.name = 'StateError';
  }
}

type Typed = Uint8Array | Uint16Array | Uint32Array | Int32Array;
const isTyped = (value: unknown): value is Typed => ArrayBuffer.isView(value) && !(value instanceof DataView);

/** Deep enough copy: typed arrays and arrays are duplicated. */
export function copyState(registers: object): State {
  const state: State = {};
  for (const [key, value] of Object.entries(registers)) {
    if (isTyped(value)) state[key] = value.slice();
    else if (Array.isArray(value)) state[key] = [...value];
    else state[key] = value;
  }
  return state;
}

/**
 * Puts a saved state back into `registers`, field by field; typed arrays are filled in place.
 * Everything is checked before the first field changes. Throws StateError.
 */
export function assignState(device: string, registers: object, state: State): void {
  const target = registers as Record<string, unknown>;
  for (const [key, now] of Object.entries(target)) {
    const then = state[key];
    if (then === undefined) throw new StateError(device, key, 'is missing');
    if (isTyped(now)) {
      if (!isTyped(then) || then.length !== now.length)
        throw new StateError(device, key, `is not ${now.length} numbers`);
    } else if (Array.isArray(now) !== Array.isArray(then) || typeof now !== typeof then)
      throw new StateError(device, key, `is not a ${typeof now}`);
  }
  for (const [key, now] of Object.entries(target)) {
    const then = state[key];
    if (isTyped(now)) now.set(then as Typed);
    else target[key] = Array.isArray(then) ? [...then] : then;
  }
}

/** A part of a state that is itself an object. Throws StateError. */
export function subState(device: string, state: State, key: string): State {
  const part = state[key];
  if (typeof part !== 'object' || part === null) throw new StateError(device, key, 'is missing');
  return part as State;
}

/** What a machine's state says of a device. Throws StateError where it says nothing, unless boards had no such device when it was written. */
export function restoreDevice(device: Device, state: State): void {
  if (device.addedLater && !(device.name in state)) device.reset();
  else device.restore(subState('machine', state, device.name));
}

/** Back to the values an object had when it was made: typed arrays in place. */
export function resetState<T extends object>(registers: T, initial: T): void {
  const target = registers as Record<string, unknown>;
  for (const [key, value] of Object.entries(initial)) {
    const now = target[key];
    if (isTyped(now)) now.set(value as Typed);
    else target[key] = value;
  }
}

/** Length of a memory, a multiple of 32, without the words of 0 at its end. Only reads: pages that were never written stay unbacked on the host. */
export function usedBytes(memory: Uint8Array): number {
  const words = new Int32Array(memory.buffer, memory.byteOffset, memory.length / 4);
  let end = words.length;
  // Eight words a test: a third of the time.
  while (
    end > 0 &&
    (words[end - 1]! |
      words[end - 2]! |
      words[end - 3]! |
      words[end - 4]! |
      words[end - 5]! |
      words[end - 6]! |
      words[end - 7]! |
      words[end - 8]!) ===
      0
  )
    end -= 8;
  while (end > 0 && words[end - 1] === 0) end--;
  return end * 4;
}
