/** Around a view of a lesson: its title, the way back, and what is wrong with its file. */

import type { ComponentChildren } from 'preact';
import { Tag } from '../../parts/marks.tsx';
import { address, LESSON_VIEWS, lessonHere, viewAddress } from '../addresses.ts';
import { language } from '../language.ts';
import { Line } from '../markdown.tsx';
import { words } from '../words.ts';
import { Problems } from '../problems.tsx';
import { type ReadText, useLesson } from './read-text.ts';

export function Frame({ children }: { children: (read: ReadText) => ComponentChildren }) {
  const read = useLesson(),
    id = address().get('lesson') ?? '';
  return (
    <div class="body lsn lview" lang={language()}>
      <p class="row wrap noprint lviews">
        <a href={lessonHere(id, address().get('seed') ?? undefined)}>{words.take}</a>
        {LESSON_VIEWS.map(view =>
          view === address().get('view') ? (
            <b key={view}>{words.views[view]}</b>
          ) : (
            <a key={view} href={viewAddress(id, view, address().get('seed') ?? '')}>
              {words.views[view]}
            </a>
          ),
        )}
      </p>
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
