/** The text of the lesson that an address names, read with the address's numbers, for views that start no guest. */

import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { type Lesson, type Problem, readLesson } from '../../../lessons/index.ts';
import { sentence } from '../../host.ts';
import { LESSONS } from '../list.ts';
import { lessonText } from '../texts.ts';
import { address, seedHere } from '../addresses.ts';

export interface ReadText {
  id: string;
  text: string;
  lesson: Lesson;
  problems: readonly Problem[];
}

/** Codes of a lesson of the page are about its word, of others about their title. */
export const pageId = (id: string): string | undefined => (LESSONS.some(each => each.id === id) ? id : undefined);

/** Undefined while it is loaded; a sentence where it cannot be. */
export function useLesson(): ReadText | string | undefined {
  const read = useSignal<ReadText | string | undefined>(undefined);
  useEffect(() => {
    const id = address().get('lesson') ?? '';
    lessonText(id).then(
      text => {
        read.value = { id, text, ...readLesson(text, seedHere(), pageId(id)) };
      },
      error => {
        read.value = sentence(error);
      },
    );
  }, []);
  return read.value;
}
