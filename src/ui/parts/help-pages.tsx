/** Pages of Help: all lessons, and the project's documents. Their scripts are loaded when one is opened. */
import { helpPages } from '../parts.ts';
import type { Panel } from '../panel.ts';
import type { Place } from '../place.ts';
import { strings } from '../strings.ts';
import { later } from './load-when-shown.tsx';

const LessonsPage = later(helpPages, part => part.LessonsPage);
const DocumentsPage = later(helpPages, part => part.DocumentsPage);

const panel = (kind: string, name: string, show: Panel['show']): Panel => ({
  id: kind,
  region: 'bench',
  name,
  show: here => here.kind === kind && show(here),
  title: here => (here.kind === kind ? name : undefined),
  from: (here: Place) => (here.kind === kind ? undefined : { kind }),
});

export const lessonsPanel = panel('lessons', strings.home.lesson, () => <LessonsPage />);
export const documentsPanel = panel('documents', strings.documents, here => <DocumentsPage name={here.name} />);
