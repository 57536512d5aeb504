/** A lesson on paper: what is to be predicted, done and measured, with room to write; its answers are a paper of their own. */

import { address } from '../addresses.ts';
import { words } from '../words.ts';
import { Answers } from './answers.tsx';
import { Frame } from './frame.tsx';
import { WholeLesson } from './whole-lesson.tsx';

export const Handout = () => (
  <Frame>
    {({ lesson }) => (
      <>
        <p class="row noprint">
          <button class="btn primary" onClick={() => print()}>
            {words.print}
          </button>
        </p>
        <p class="lpaper sec">
          <span>
            {words.name}: {address().get('name') || <i class="lblank" />}
          </span>
          <span>{words.seed(address().get('seed') || '–')}</span>
          <span>
            {words.code}: <i class="lblank" />
          </span>
        </p>
        <WholeLesson lesson={lesson} asked />
      </>
    )}
  </Frame>
);

export const AnswerPaper = () => (
  <Frame>
    {({ lesson }) => (
      <>
        <p class="row noprint">
          <button class="btn" onClick={() => print()}>
            {words.print}
          </button>
        </p>
        <Answers lesson={lesson} />
      </>
    )}
  </Frame>
);
