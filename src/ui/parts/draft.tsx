/** A dropped definition, judged: loaded when the first files are dropped. */

import { draftPages, severalPage } from '../parts.ts';
import type { Panel } from '../panel.ts';
import { several } from '../navigation.ts';
import { strings } from '../strings.ts';
import { later } from './load-when-shown.tsx';

const DraftPage = later(draftPages, part => part.DraftPage);
const SeveralPage = later(severalPage, part => part.SeveralPage);
const DraftForm = later(draftPages, part => part.DraftForm);

export const draftPanel: Panel = {
  id: 'draft',
  region: 'bench',
  name: strings.tree.draft,
  show: here => here.kind === 'draft' && (several.value ? <SeveralPage /> : <DraftPage />),
};

export const draftFormPanel: Panel = {
  id: 'draft-form',
  region: 'inspector',
  name: strings.draft.form,
  show: here => here.kind === 'draft' && !several.value && <DraftForm />,
};
