/** A lesson on the workbench; the way to it. */

import { lessonPage } from '../parts.ts';
import type { ComponentChildren } from 'preact';
import { place } from '../navigation.ts';
import type { Panel } from '../panel.ts';
import { isInLesson, lessonAddress, LESSONS } from '../lessons/list.ts';
import { living } from '../host.ts';
import { later } from './load-when-shown.tsx';

const words = { name: 'Lesson' };
const LessonPage = later(lessonPage, part => part.LessonPage);

export const lessonPanel: Panel = {
  id: 'lesson',
  region: 'bench',
  name: words.name,
  show: here => here.kind === 'lesson' && <LessonPage />,
  title: here =>
    here.kind === 'lesson' ? (LESSONS.find(({ id }) => id === here.name)?.title ?? words.name) : undefined,
};

/** Where the address names a lesson, the page begins there. */
export function followLesson(): void {
  const name = new URLSearchParams(location.search).get('lesson');
  if (name !== null) place.value = { kind: 'lesson', name };
}

/** Guests that run here would go with the page: then a lesson has a tab of its own. `children`: what else measures a machine. */
export function LessonList({ children }: { children?: ComponentChildren }) {
  const away = living.value.length > 0 && !isInLesson() ? { target: '_blank', rel: 'noopener' } : {};
  return (
    <ol class="less">
      {LESSONS.map(({ id, title, about }, i) => (
        <li key={id}>
          <a href={lessonAddress(id)} {...away}>
            {i + 1}. {title}
          </a>
          <span class="sec">{about}</span>
        </li>
      ))}
      {children}
    </ol>
  );
}
