/** A course: its lessons in order, with how far somebody is in each. */

import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { type Course, type Problem, readCourse } from '../../../lessons/index.ts';
import { sentence } from '../../sentence.ts';
import { Tag } from '../../parts/marks.tsx';
import { address, lessonHere } from '../addresses.ts';
import { language } from '../language.ts';
import { hostOf, isAddress } from '../fetched.ts';
import { allKept } from '../progress.ts';
import { Line } from '../markdown.tsx';
import { ViewLinks } from './frame.tsx';
import { Problems } from '../problems.tsx';
import { courseText, mayBeThere } from '../texts.ts';
import { said, words } from '../words.ts';

export function CourseView() {
  const read = useSignal<{ course: Course; problems: readonly Problem[] } | undefined>(undefined),
    problem = useSignal<string | undefined>(undefined),
    id = address().get('course') ?? '';
  useEffect(() => {
    courseText(id).then(
      text => {
        read.value = readCourse(text, said);
      },
      error => {
        problem.value = sentence(error);
      },
    );
  }, []);
  return (
    <div class="body lsn lview" lang={language()}>
      <ViewLinks />
      {problem.value && (
        <p role="alert">
          <Tag kind="failed">{problem.value}</Tag>
        </p>
      )}
      {!read.value && !problem.value && (
        <p class="sec" role="status">
          {words.loads}
        </p>
      )}
      {read.value && read.value.problems.length > 0 && <Problems problems={read.value.problems} />}
      {read.value?.problems.length === 0 && (
        <>
          {isAddress(id) && <p class="sec">{words.from(hostOf(id))}</p>}
          <Parts course={read.value.course} />
        </>
      )}
    </div>
  );
}

function Parts({ course: { title, about, parts } }: { course: Course }) {
  const seed = address().get('seed') ?? '',
    name = address().get('name') ?? '',
    kept = allKept();
  return (
    <>
      <h1>
        <Line text={title} />
      </h1>
      {about && (
        <p class="about">
          <Line text={about} />
        </p>
      )}
      {parts.map((part, i) => (
        <section key={i} class="prose">
          {part.title && (
            <h2>
              <Line text={part.title} />
            </h2>
          )}
          {part.says && (
            <p>
              <Line text={part.says} />
            </p>
          )}
          <ol>
            {part.entries.map(entry => {
              const done = kept.find(each => each.id === entry.id && each.seed === seed && each.name === name);
              return (
                <li key={entry.id}>
                  {mayBeThere(entry.id) ? (
                    <a href={lessonHere(entry.id, seed, name)}>{entry.title}</a>
                  ) : (
                    <>
                      {entry.title} <Tag kind="failed">{words.missing(entry.id)}</Tag>
                    </>
                  )}
                  {entry.says && (
                    <span class="sec">
                      : <Line text={entry.says} />
                    </span>
                  )}{' '}
                  {done && (
                    <Tag kind={done.code ? 'done' : 'running'}>
                      {done.code ? words.doneWith(done.code) : words.stepOf(done.step + 1, done.steps)}
                    </Tag>
                  )}
                </li>
              );
            })}
          </ol>
        </section>
      ))}
    </>
  );
}
