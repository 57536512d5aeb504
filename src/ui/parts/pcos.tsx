/** The sources of pcos next to its screen: loaded when somebody opens them. */

import { sourcePages } from '../parts.ts';
import type { Panel } from '../panel.ts';
import { strings } from '../strings.ts';
import { later } from './load-when-shown.tsx';

const PcosPage = later(sourcePages, part => part.PcosPage);

export const pcosPanel: Panel = {
  id: 'pcos',
  region: 'bench',
  name: strings.pcos.name,
  show: here => here.kind === 'pcos' && <PcosPage file={here.tab} />,
  title: here => (here.kind === 'pcos' ? strings.pcos.title : undefined),
  from: here => (here.kind === 'pcos' ? undefined : { kind: 'pcos' }),
};
