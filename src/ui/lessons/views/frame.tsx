/** Around a view of a lesson: its title, the way back, and what is wrong with its file. */

import type { ComponentChildren } from 'preact';
import { Tag } from '../../parts/marks.tsx';
import { address, COURSE, courseAddress, LESSON_VIEWS, lessonHere, OPEN_VIEWS, viewAddress } from '../addresses.ts';
import { language } from '../language.ts';
import { Line } from '../markdown.tsx';
import { words } from '../words.ts';
import { Problems } from '../problems.tsx';
import { type ReadText, useLesson } from './read-text.ts';

/** From a view to the lesson, its course and its other views. */
export function ViewLinks() {
  const id = address().get('lesson') ?? '',
    seed = address().get('seed') ?? '',
    course = address().get('course');
  return (
    <p class="row wrap noprint lviews">
      {id !== COURSE && <a href={lessonHere(id, seed || undefined, address().get('name') ?? '')}>{words.take}</a>}
      {course && address().get('view') !== 'course' && <a href={courseAddress(course, seed)}>{words.course}</a>}
      {(id === COURSE ? OPEN_VIEWS : [...LESSON_VIEWS, ...OPEN_VIEWS]).map(view =>
        view === address().get('view') ? (
          <b key={view}>{words.views[view]}</b>
        ) : (
          <a key={view} href={viewAddress(id, view, seed)}>
            {words.views[view]}
          </a>
        ),
      )}
    </p>
  );
}

export function Frame({ children }: { children: (read: ReadText) => ComponentChildren }) {
  const read = useLesson();
  return (
    <div class="body lsn lview" lang={language()}>
      <ViewLinks />
      {read === undefined ? (
        <p class="sec" role="status">
          {words.loads}
        </p>
      ) : typeof read === 'string' ? (
        <p role="alert">
          <Tag kind="failed">{read}</Tag>
        </p>
      ) : read.problems.length > 0 ? (
        <Problems problems={read.problems} />
      ) : (
        <>
          <h1>
            <Line text={read.lesson.title} />
          </h1>
          {children(read)}
        </>
      )}
    </div>
  );
}
