/** V8 in a process that is a host, or a pool's hub. */
import { setFlagsFromString } from 'node:v8';

/**
 * Options that may change while V8 runs, since it looks at them when it has collected garbage (src/flags/flag-definitions.h). Code that ran once is kept: else what
 * a move runs is compiled again in the next one. And what is alive may grow by three times itself before garbage is collected again: V8's own limit lets a host
 * grow by 11 to 23 MiB, of which a guest that moves sends several, so that garbage was collected while it was paused.
 */
export const ENGINE_OPTIONS = ['--no-flush-bytecode', '--heap-growing-percent=300'] as const;

export function tuneEngine(): void {
  for (const option of ENGINE_OPTIONS) setFlagsFromString(option);
}
