/** Domains that move, and can be had to stand still for what is left, as virsh has one suspended that has moved for too long. */

/** By the host, and there by the domain's name. */
const stops = new WeakMap<object, Map<string, () => void>>();

/** `stop` has a domain that moves stand still; undefined: it does not move any more. */
export function mayStandStill(toolstack: object, name: string, stop: (() => void) | undefined): void {
  const all = stops.get(toolstack) ?? new Map<string, () => void>();
  stops.set(toolstack, all);
  if (stop) all.set(name, stop);
  else all.delete(name);
}

/** One that does not move any more goes on. */
export const standStill = (toolstack: object, name: string): void => stops.get(toolstack)?.get(name)?.();
