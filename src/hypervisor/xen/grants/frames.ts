/** Which machine frames a grant table lies in, as far as its domain sees them: not its RAM. */
import type { XenGuest } from '../guest.ts';
import { GrantTable } from './grants.ts';

/** Machine frames of a domain's grant table that it may see at guest frames. */
export function tableFrames({ ports }: Pick<XenGuest, 'ports'>): Set<number> {
  const grants = new GrantTable(ports);
  const frames = new Set<number>();
  for (let i = 0; i < grants.frames; i++) frames.add(grants.sharedFrame(i));
  for (let i = 0; i < grants.statusFrames; i++) frames.add(grants.statusFrame(i));
  return frames;
}
