/** A boot sector's source next to its screen: loaded when somebody opens one. */

import { sourcePages } from '../parts.ts';
import type { Panel } from '../panel.ts';
import { strings } from '../strings.ts';
import { later } from './load-when-shown.tsx';

const SectorPage = later(sourcePages, part => part.SectorPage);

export const sectorPanel: Panel = {
  id: 'sector',
  region: 'bench',
  name: strings.bootSectors.title,
  show: here => here.kind === 'sector' && <SectorPage name={here.name ?? ''} />,
  title: here => (here.kind === 'sector' ? here.name : undefined),
  from: here => (here.kind === 'sector' ? undefined : { kind: 'sector', name: 'plasma' }),
};
