/** How long a class needs for a lesson: a plan, by what there is to read and to do. */
import type { Token, Tokens } from 'marked';
import type { Lesson, Part, Round, Step } from './form.ts';
import { roundsOf } from './form.ts';

/** A text with new words, in words a minute; a line of source or of a table, in seconds. */
const WORDS_A_MINUTE = 150,
  LINE_SECONDS = 6;
/** Next to reading: to think about a question, to type a line, to compare a number, to talk about an explanation. In seconds. */
const QUESTION_SECONDS = 120,
  ACTION_SECONDS = 30,
  ROW_SECONDS = 20,
  TALK_SECONDS = 90;
/** A lesson is to fit into an hour of a school. */
export const MOST_MINUTES = 50;

export interface PlannedStep {
  step: Step;
  minutes: number;
}

export interface Plan {
  rounds: { round: Round; steps: PlannedStep[]; minutes: number }[];
  minutes: number;
}

const wordsIn = (text: string): number => text.split(/\s+/).filter(word => /\w/.test(word)).length;
const readSeconds = (text: string): number => (60 * wordsIn(text)) / WORDS_A_MINUTE;

const tokenSeconds = (token: Token): number =>
  token.type === 'code' ? LINE_SECONDS * (token as Tokens.Code).text.split('\n').length : readSeconds(token.raw);

function partSeconds(part: Part): number {
  if (part.kind === 'text') return part.tokens.reduce((sum, token) => sum + tokenSeconds(token), 0);
  if (part.kind === 'ask') return QUESTION_SECONDS + readSeconds(part.text);
  if (part.kind === 'actions')
    return part.actions.reduce((sum, { says = '' }) => sum + ACTION_SECONDS + readSeconds(says), 0);
  if (part.kind === 'rows') return part.rows.reduce((sum, { text }) => sum + ROW_SECONDS + readSeconds(text), 0);
  return 0;
}

export function planOf({ steps }: Lesson): Plan {
  const rounds = roundsOf(steps).map(round => {
    const planned = round.steps.map(step => ({
      step,
      minutes: Math.max(
        1,
        Math.round(
          (step.parts.reduce((sum, part) => sum + partSeconds(part), 0) +
            (step.kind === 'explain' ? TALK_SECONDS : 0)) /
            60,
        ),
      ),
    }));
    return { round, steps: planned, minutes: planned.reduce((sum, { minutes }) => sum + minutes, 0) };
  });
  return { rounds, minutes: rounds.reduce((sum, { minutes }) => sum + minutes, 0) };
}
