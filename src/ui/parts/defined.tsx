/** A domain that is defined and does not run: its page is loaded when somebody opens it. */

import type { Panel } from '../panel.ts';
import { strings } from '../strings.ts';
import { later } from './later.tsx';

const DefinedPage = later(() => import('./defined-page.tsx').then(part => part.DefinedPage));

export const definedPanel: Panel = {
  id: 'defined',
  region: 'bench',
  name: strings.defined.name,
  show: here => here.kind === 'defined' && <DefinedPage name={here.name ?? ''} />,
  title: here => (here.kind === 'defined' ? here.name : undefined),
};
