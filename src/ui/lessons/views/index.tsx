/** Views of a lesson that start no guest: for who teaches, prints, writes. */

import type { JSX } from 'preact';
import type { View } from '../addresses.ts';
import { CourseView } from './course.tsx';
import { Editor } from './editor.tsx';
import { GlossaryView } from './glossary.tsx';
import { Guide } from './guide.tsx';
import { AnswerPaper, Handout } from './handout.tsx';
import { ProgressView } from './progress.tsx';
import { TeacherPage } from './teacher.tsx';
import { WallView } from './wall.tsx';
import './views.css';

const SHOWN: Readonly<Record<View, () => JSX.Element>> = {
  teacher: TeacherPage,
  handout: Handout,
  answers: AnswerPaper,
  wall: WallView,
  edit: Editor,
  guide: Guide,
  course: CourseView,
  glossary: GlossaryView,
  progress: ProgressView,
};

export function ShownView({ view }: { view: View }) {
  const Shown = SHOWN[view];
  return <Shown />;
}
