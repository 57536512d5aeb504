/** A saved state is read and judged, all of it, before a domain is made of it. */
import { readStateFrom, type SavedState } from '../../hypervisor/index.ts';
import type { Runners } from './runners/runner.ts';

/**
 * As the host's domains are built from it: with its pages where they run on this thread; where they run elsewhere no page is kept here. `name`: in complaints.
 * @throws SavedStateError
 */
export async function readSaved(
  { elsewhere }: Pick<Runners, 'elsewhere'>,
  file: Blob,
  name: string,
): Promise<SavedState> {
  const pages: SavedState['pages'][number][] = [];
  const state = await readStateFrom(file, name, batch => {
    if (!elsewhere) pages.push(batch);
  });
  return { ...state, pages };
}
