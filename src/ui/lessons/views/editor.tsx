/** A lesson's text, what is wrong with each line next to it, and below or next to that how it will look. */

import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { Problem } from '../../../lessons/index.ts';
import { sentence } from '../../sentence.ts';
import { download } from '../../navigation.ts';
import { Tag } from '../../parts/marks.tsx';
import { SourceField } from '../../parts/source-field.tsx';
import { putCursor, Typing } from '../../typing.ts';
import { address, viewAddress } from '../addresses.ts';
import { language } from '../language.ts';
import { keepOwnLesson, lessonAddress, OWN_LESSON } from '../list.ts';
import { Line } from '../markdown.tsx';
import { Numbered } from '../numbered.tsx';
import { lessonText, readHere } from '../texts.ts';
import { words } from '../words.ts';
import { fileName } from './teacher.tsx';
import { WholeLesson } from './whole-lesson.tsx';

const typing = new Typing();

/** A copy is changed: a lesson of the page stays as it is, and the copy is this tab's own lesson. */
export function Editor() {
  const id = address().get('lesson') ?? '',
    text = useSignal<string | undefined>(undefined),
    /** What is shown: as it was when somebody last stopped typing. */
    shown = useSignal(''),
    problem = useSignal<string | undefined>(undefined);
  useEffect(() => {
    lessonText(id).then(
      found => {
        text.value = shown.value = found;
      },
      error => {
        problem.value = sentence(error);
      },
    );
  }, []);
  const type = (typed: string): void => {
    text.value = typed;
    typing.whenQuiet(() => {
      shown.value = typed;
      keep(typed);
    });
  };
  const keep = (typed: string): void => {
    try {
      keepOwnLesson(typed);
      problem.value = undefined;
    } catch (error) {
      problem.value = sentence(error);
    }
  };
  const seed = address().get('seed') ?? '';
  return (
    <div class="body lsn lview ledit" lang={language()}>
      <p class="row wrap lviews">
        <a href={viewAddress(id, 'teacher', seed)}>{words.views.teacher}</a>
        <b>{words.views.edit}</b>
        <a href={viewAddress(id, 'guide', seed)}>{words.views.guide}</a>
        <span class="grow" />
        <button
          class="btn"
          disabled={text.value === undefined}
          onClick={() => download(new Blob([text.value!], { type: 'text/markdown' }), fileName(id))}
        >
          {words.saveLesson}
        </button>
        <button
          class="btn primary"
          disabled={text.value === undefined}
          onClick={() => {
            keep(text.value!);
            location.assign(lessonAddress(OWN_LESSON, seed || undefined));
          }}
        >
          {words.tryIt}
        </button>
      </p>
      {problem.value && (
        <p role="alert">
          <Tag kind="failed">{problem.value}</Tag>
        </p>
      )}
      {text.value !== undefined && <Halves text={text.value} shown={shown.value} id={id} onType={type} />}
    </div>
  );
}

function Halves({ text, shown, id, onType }: { text: string; shown: string; id: string; onType(typed: string): void }) {
  const { lesson, problems } = readHere(id, shown);
  return (
    <div class="lhalves">
      <LessonText text={text} problems={text === shown ? problems : []} onType={onType} />
      <section class="lpreview" aria-label={words.preview} tabIndex={0}>
        <h1>
          <Line text={lesson.title || words.own} />
        </h1>
        <WholeLesson lesson={lesson} />
      </section>
    </div>
  );
}

/** Problems are next to their lines; the list above them is for who does not see where. */
function LessonText({
  text,
  problems,
  onType,
}: {
  text: string;
  problems: readonly Problem[];
  onType(typed: string): void;
}) {
  const field = useRef<HTMLTextAreaElement>(null),
    lines = text.replace(/\r\n?/g, '\n').split('\n');
  const at = (line: number): Problem[] => problems.filter(problem => problem.line === line);
  return (
    <section class="ltext" aria-label={words.views.edit}>
      <p id="ledit-told" role="status">
        {problems.length === 0 ? (
          <Tag kind="done">{words.noProblems}</Tag>
        ) : (
          <Tag kind="failed">{words.problems(problems.length)}</Tag>
        )}
      </p>
      <ul class="ltold">
        {problems.map(({ line, text: said }, i) => (
          <li key={i}>
            <button class="link" onClick={() => putCursor(field.current, lines, line, 1)}>
              {words.line(line)}
            </button>{' '}
            {said}
          </li>
        ))}
      </ul>
      <Numbered lines={lines} wrongAt={line => at(line)[0]?.text}>
        <SourceField
          field={field}
          text={text}
          rows={lines.length}
          label={words.text}
          describedBy="ledit-told"
          onType={onType}
        />
        {[...new Set(problems.map(({ line }) => line))].map(line => (
          <span
            key={line}
            class="lbeside"
            aria-hidden="true"
            style={`top:${line - 1}lh;left:${(lines[line - 1]?.length ?? 0) + 2}ch`}
          >
            {at(line)
              .map(problem => problem.text)
              .join(' ')}
          </span>
        ))}
      </Numbered>
    </section>
  );
}
