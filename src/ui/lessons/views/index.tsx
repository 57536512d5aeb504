/** Views of a lesson that start no guest: for who teaches, prints, writes. */

import type { View } from '../addresses.ts';
import { Editor } from './editor.tsx';
import { Guide } from './guide.tsx';
import { AnswerPaper, Handout } from './handout.tsx';
import { TeacherPage } from './teacher.tsx';
import './views.css';

const SHOWN = { teacher: TeacherPage, handout: Handout, answers: AnswerPaper, edit: Editor, guide: Guide } as const;

export function ShownView({ view }: { view: View }) {
  const Shown = SHOWN[view];
  return <Shown />;
}
