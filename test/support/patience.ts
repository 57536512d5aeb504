/**
 * What a hang limit of a test is multiplied with: how many times slower this machine was at the tests' set-up than the one that limits were set on
 * (scripts/slowness.mjs), 1 and more. A test alone, without `npm test`, takes 1.
 */
export const slowness = Math.max(1, Number(process.env.RINGSIDE_SLOWNESS) || 1);

/** A hang limit on this machine, in the unit that it is given in. */
export const patient = (usual: number): number => Math.round(usual * slowness);
