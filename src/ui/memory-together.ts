/** Whether the machine has memory for guests that are started together: what one of them takes the next one has not. */

/** MiB that the host keeps about each guest, next to the guest's own: as much as Domain 0 leaves free for it when it judges one. */
const KEPT_MIB = 1;

/** Why they cannot all be started, with the numbers; undefined: there is memory for all of them. `guestsMiB`: what each wants; `freeMiB`: of the machine. */
export function lacksTogether(guestsMiB: readonly number[], freeMiB: number): string | undefined {
  const n = guestsMiB.length,
    keptMiB = KEPT_MIB * n,
    wantedMiB = guestsMiB.reduce((sum, each) => sum + each, 0);
  if (n < 2 || wantedMiB + keptMiB <= freeMiB) return undefined;
  return `The ${n} to start take ${wantedMiB} MiB together, and ${keptMiB} that the host keeps about them; ${freeMiB} MiB are free. Choose fewer, or give them less memory.`;
}
