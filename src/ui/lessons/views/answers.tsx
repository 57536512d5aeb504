/** What is right in a lesson, and what is said to who said otherwise. */

import { lessonHost } from '../parts.ts';
import { useSignal } from '@preact/signals';
import { handInCode, type Hint, type Lesson, type Row, type Walked, walkThrough } from '../../../lessons/index.ts';
import { info } from '../../host.ts';
import { sentence } from '../../sentence.ts';
import { Tag } from '../../parts/marks.tsx';
import { Line } from '../markdown.tsx';
import { number, words } from '../words.ts';

interface Answered {
  name: string;
  question: string;
  row: Row | undefined;
  hints: Hint[];
}

/** Each question of a lesson with the row that measures it. */
function answersOf({ steps }: Lesson): Answered[] {
  const parts = steps.flatMap(step => step.parts),
    rows = parts.flatMap(part => (part.kind === 'rows' ? part.rows : [])),
    hints = parts.flatMap(part => (part.kind === 'hints' ? part.hints : []));
  return parts.flatMap(part =>
    part.kind === 'ask'
      ? [
          {
            name: part.name,
            question: part.text,
            row: rows.find(({ guess }) => guess === part.name),
            hints: hints.filter(({ answer }) => answer === part.name),
          },
        ]
      : [],
  );
}

/** Numbers are measured when somebody asks for them: on the host of this page, by a walk through the whole lesson. */
export function Answers({ lesson }: { lesson: Lesson }) {
  const walked = useSignal<Walked | undefined>(undefined),
    busy = useSignal(false),
    problem = useSignal<string | undefined>(undefined);
  const measure = async (): Promise<void> => {
    busy.value = true;
    problem.value = undefined;
    try {
      walked.value = await walkThrough(lesson, (await lessonHost.load()).pageHost);
    } catch (error) {
      problem.value = sentence(error);
    }
    busy.value = false;
  };
  return (
    <section class="lanswers">
      <h2>{words.answers}</h2>
      <p class="row wrap noprint">
        {!walked.value && (
          <button
            class="btn primary"
            disabled={busy.value || info.value?.time !== 'virtual'}
            onClick={() => void measure()}
          >
            {busy.value ? words.doing : words.measureAnswers}
          </button>
        )}
        <span class="sec">{words.answersHint(lesson.seed)}</span>
      </p>
      {problem.value && (
        <p role="alert">
          <Tag kind="failed">{problem.value}</Tag>
        </p>
      )}
      {walked.value && (
        <p>
          {words.codeOf(lesson.seed)} <code>{handInCode(lesson, walked.value.exact)}</code>
        </p>
      )}
      <ol class="lans">
        {answersOf(lesson).map(({ name, question, row, hints }) => (
          <li key={name}>
            <p>
              <Line text={question} />
            </p>
            {row && (
              <p>
                <b>{number(walked.value?.values.get(row.name) ?? Number.NaN, '…')}</b>{' '}
                <code>{row.expression.text}</code> <Line text={row.text} />
                {!row.isExact && ` (${words.about})`}
              </p>
            )}
            <ul class="prose">
              {hints.map((hint, i) => (
                <li key={i}>
                  <code>{hint.expression.text}</code>: <Line text={hint.text} />
                </li>
              ))}
            </ul>
          </li>
        ))}
      </ol>
    </section>
  );
}
