/** Parts of the toolstack that most visits to a page need late or never. */
import { part } from '../../formats/loading/index.ts';

export const states = part(() => import('./states/index.ts'), 'saves domains'),
  arrivals = part(() => import('./arrivals/index.ts'), 'takes domains in'),
  virtioChannels = part(() => import('./channels.ts'), 'opens channels of guests'),
  debugging = part(() => import('./debugger/index.ts'), 'speaks to debuggers'),
  domain0Log = part(() => import('./boot/domain0-log.ts'), 'writes the log of Domain 0’s kernel'),
  snapshots = part(() => import('./snapshots/records.ts'), 'reads snapshots'),
  coreFiles = part(() => import('./dump-core.ts'), 'writes core files'),
  breakpoints = part(() => import('./breaks/index.ts'), 'describes breakpoints'),
  following = part(() => import('./tracing/index.ts'), 'follows requests'),
  tracing = part(() => import('./commands/trace.ts'), 'names what was traced'),
  processes = part(() => import('./qemu/processes.ts'), 'lists processes of guests'),
  commands = part(() => import('./commands/index.ts'), 'knows the commands');
