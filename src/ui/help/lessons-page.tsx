/** All lessons, wherever one is in the page, and what is around them. */

import { LessonList } from '../parts/lesson.tsx';
import { living } from '../host.ts';
import { courseAddress } from '../lessons/addresses.ts';
import { freshSeed, isInLesson, LESSONS } from '../lessons/list.ts';
import { COURSE_IDS } from '../lessons/texts.ts';
import { Icon } from '../parts/marks.tsx';
import { words } from './words.ts';

/** Views of all lessons. */
const VIEWS = [
  ['progress', words.progress],
  ['glossary', words.glossary],
] as const;
const GUIDE = '?time=virtual&lesson=own&view=guide';

export const LessonsPage = () => (
  <>
    <div class="bh">
      <div class="row wrap">
        <h2>
          <Icon name="book" size={15} />
          {words.lessons}
        </h2>
        <span class="sec">{words.lessonsHint(LESSONS.length)}</span>
      </div>
    </div>
    <div class="body lessons-all">
      <p class="sec">{words.lessonsLede}</p>
      {living.value.length > 0 && !isInLesson() && <p class="sec">{words.inTab}</p>}
      <p class="row wrap">
        {COURSE_IDS.map(id => (
          <a key={id} href={courseAddress(id, freshSeed())}>
            {words.course}
          </a>
        ))}
        {VIEWS.map(([view, name]) => (
          <a key={view} href={`?time=virtual&lesson=course&view=${view}`}>
            {name}
          </a>
        ))}
        <a href={GUIDE}>{words.guide}</a>
      </p>
      <LessonList />
    </div>
  </>
);
