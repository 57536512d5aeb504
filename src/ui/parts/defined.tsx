/** A domain that is defined and does not run, or a new one: its editor is loaded when somebody opens it. */

import { editPage } from '../parts.ts';
import type { Panel } from '../panel.ts';
import { strings } from '../strings.ts';
import { later } from './load-when-shown.tsx';

const EditPage = later(editPage, part => part.EditPage);

export const definedPanel: Panel = {
  id: 'defined',
  region: 'bench',
  name: strings.defined.name,
  show: here => here.kind === 'defined' && <EditPage name={here.name ?? ''} tab={here.tab} />,
  title: here => (here.kind === 'defined' ? here.name || strings.defined.fresh : undefined),
};
