/** A lesson for who teaches it: goals, a plan with times, what to hand out, and the answers behind a switch. */

import { useSignal } from '@preact/signals';
import { type Lesson, planOf } from '../../../lessons/index.ts';
import { download } from '../../navigation.ts';
import { lessonAddress } from '../list.ts';
import { Line } from '../markdown.tsx';
import { address } from '../addresses.ts';
import { words } from '../words.ts';
import { Answers } from './answers.tsx';
import { Frame } from './frame.tsx';
import type { ReadText } from './read-text.ts';

export const TeacherPage = () => <Frame>{read => <Teaching read={read} />}</Frame>;

/** A file's name from an id or an address. */
export const fileName = (id: string): string => `${/([\w-]+?)(?:\.\w+)?$/.exec(id)?.[1] ?? 'lesson'}.md`;

function Teaching({ read: { id, text, lesson } }: { read: ReadText }) {
  const shows = useSignal(false),
    seed = address().get('seed') ?? '';
  return (
    <>
      {lesson.about && (
        <p class="about">
          <Line text={lesson.about} />
        </p>
      )}
      {lesson.goals.length > 0 && (
        <section>
          <h2>{words.goals}</h2>
          <ul class="prose lgoals">
            {lesson.goals.map(goal => (
              <li key={goal}>
                <Line text={goal} />
              </li>
            ))}
          </ul>
        </section>
      )}
      <PlanTable lesson={lesson} />
      <section class="prose">
        <h2>{words.forClass}</h2>
        <p>{words.handOutHint}</p>
        <p>
          <code>{new URL(`${lessonAddress(id, seed)}&name=`, document.baseURI).href}</code>
        </p>
        <p>{words.gradeHint}</p>
        <p>
          <code>
            npx ringside grade {id} --seed {seed || '""'} --class codes.csv
          </code>
        </p>
        <p class="row">
          <button class="btn" onClick={() => download(new Blob([text], { type: 'text/markdown' }), fileName(id))}>
            {words.saveLesson}
          </button>
        </p>
      </section>
      <p>
        <button
          class="btn"
          role="switch"
          aria-checked={shows.value}
          onClick={() => {
            shows.value = !shows.value;
          }}
        >
          {shows.value ? words.hideAnswers : words.showAnswers}
        </button>
      </p>
      {shows.value && <Answers lesson={lesson} />}
    </>
  );
}

/** When each step begins, where the class begins at 0:00. */
function PlanTable({ lesson }: { lesson: Lesson }) {
  const { rounds, minutes } = planOf(lesson),
    asked = rounds.length - 1;
  let begins = 0;
  return (
    <section>
      <h2>{words.plan(minutes)}</h2>
      <table class="lplan">
        <thead>
          <tr>
            <th>{words.begins}</th>
            <th>{words.step}</th>
            <th class="num">{words.minutes}</th>
          </tr>
        </thead>
        {rounds.map(({ round, steps }, r) => (
          <tbody key={round.from}>
            {round.steps[0]!.kind !== 'reality' && (
              <tr>
                <th colSpan={3} scope="rowgroup">
                  {words.round(r + 1, asked, round.steps[0]!.name)}
                </th>
              </tr>
            )}
            {steps.map(({ step, minutes: takes }, i) => {
              const at = begins;
              begins += takes;
              return (
                <tr key={i}>
                  <td class="m">{`0:${String(at).padStart(2, '0')}`}</td>
                  <td>
                    {words.steps[step.kind]} <span class="sec">{words.teaches[step.kind]}</span>
                  </td>
                  <td class="num">{takes}</td>
                </tr>
              );
            })}
          </tbody>
        ))}
      </table>
      <p class="sec">{words.planHint}</p>
    </section>
  );
}
