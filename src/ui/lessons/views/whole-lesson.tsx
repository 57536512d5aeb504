/** A lesson as it is read from beginning to end: all steps open, with room to write next to questions and measurements. For print, for a preview, for a teacher. */

import { Fragment } from 'preact';
import { type Lesson, type Part, roundsOf } from '../../../lessons/index.ts';
import { WhatToDo } from '../actions.tsx';
import { Line, Markdown } from '../markdown.tsx';
import { words } from '../words.ts';

/** Without its title: that is above it in different forms. `asked`: what explains the numbers is left out, as a student has none yet. */
export function WholeLesson({ lesson, asked: isAsked = false }: { lesson: Lesson; asked?: boolean }) {
  const rounds = roundsOf(lesson.steps),
    asked = rounds.length - 1;
  return (
    <>
      {lesson.about && (
        <p class="about">
          <Line text={lesson.about} />
        </p>
      )}
      {rounds
        .filter(({ steps }) => !isAsked || steps[0]!.kind !== 'reality')
        .map(({ from, steps }, r) => (
          <section key={from} class="lwhole">
            {steps[0]!.kind !== 'reality' && <h2>{words.round(r + 1, asked, steps[0]!.name)}</h2>}
            {steps.map((step, i) => (
              <Fragment key={i}>
                <h3>{step.kind === 'reality' ? words.steps.reality : `${i + 1}. ${words.steps[step.kind]}`}</h3>
                {isAsked && step.kind === 'explain' ? (
                  <p class="lquest lwrite">
                    {words.writeExplain} <i class="lblank" />
                  </p>
                ) : (
                  step.parts.map((part, at) => <WholePart key={at} part={part} />)
                )}
              </Fragment>
            ))}
          </section>
        ))}
    </>
  );
}

/** Checks and hints would tell the answers. */
function WholePart({ part }: { part: Part }) {
  if (part.kind === 'text')
    return (
      <div class="prose">
        <Markdown tokens={part.tokens} />
      </div>
    );
  if (part.kind === 'ask')
    return (
      <p class="lquest">
        <Line text={part.text} /> <i class="lblank" />
      </p>
    );
  if (part.kind === 'actions')
    return (
      <ol class="acts ldo">
        {part.actions.map((action, i) => (
          <li key={i}>
            <span class="what">
              <WhatToDo action={action} />
            </span>
            {action.says && (
              <small>
                <Line text={action.says} />
              </small>
            )}
          </li>
        ))}
      </ol>
    );
  if (part.kind !== 'rows') return null;
  return (
    <table class="meas">
      <thead>
        <tr>
          <th>{words.what}</th>
          <th class="num">{words.measured}</th>
        </tr>
      </thead>
      <tbody>
        {part.rows.map(row => (
          <tr key={row.name}>
            <td>
              <Line text={row.text} />
            </td>
            <td class="num">
              <i class="lblank" />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
