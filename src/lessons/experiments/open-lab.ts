/** A lab with its host: apart from it, so that who only reads what an experiment is needs no host. */
import type { HeadlessParts } from '../headless.ts';
import { Lab } from './lab.ts';
import { type SteppedHost, steppedHost } from './stepped-host.ts';

/** `seed`: of what is drawn. `xen`: Xen's command line. `next to`: a host that has the same clock. */
export async function openLab(parts: HeadlessParts, seed = 1, xen?: string, beside?: SteppedHost): Promise<Lab> {
  const machine = await steppedHost(parts, xen, beside);
  return new Lab(machine, seed, isBeside => openLab(parts, seed, xen, isBeside ? machine : undefined));
}
