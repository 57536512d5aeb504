/** A lab with its host: apart from it, so that who only reads what an experiment is needs no host. */
import type { HeadlessParts } from '../headless.ts';
import { Lab } from './lab.ts';
import { steppedHost } from './stepped-host.ts';

/** `seed`: of what is drawn. `xen`: Xen's command line. */
export async function openLab(parts: HeadlessParts, seed = 1, xen?: string): Promise<Lab> {
  return new Lab(await steppedHost(parts, xen), seed, () => openLab(parts, seed, xen));
}
