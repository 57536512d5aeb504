/** Experiments on the workbench; their scripts are loaded when one is opened. */
import { experimentsPage } from '../parts.ts';
import type { Panel } from '../panel.ts';
import { strings } from '../strings.ts';
import { later } from './load-when-shown.tsx';

const ExperimentsPage = later(experimentsPage, part => part.ExperimentsPage);

export const experimentPanel: Panel = {
  id: 'experiment',
  region: 'bench',
  name: strings.home.experiments,
  show: here => here.kind === 'experiment' && <ExperimentsPage name={here.name} />,
  title: here => (here.kind === 'experiment' ? strings.home.experiments : undefined),
  from: () => ({ kind: 'experiment' }),
};
