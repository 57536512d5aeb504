/** The text of the lesson that an address names, read with the address's numbers, for views that start no guest. */

import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { Lesson, Problem } from '../../../lessons/index.ts';
import { sentence } from '../../sentence.ts';
import { address } from '../addresses.ts';
import { lessonText, readHere } from '../texts.ts';

export interface ReadText {
  id: string;
  text: string;
  lesson: Lesson;
  problems: readonly Problem[];
}

/** Undefined while it is loaded; a sentence where it cannot be. */
export function useLesson(): ReadText | string | undefined {
  const read = useSignal<ReadText | string | undefined>(undefined);
  useEffect(() => {
    const id = address().get('lesson') ?? '';
    lessonText(id).then(
      text => {
        read.value = { id, text, ...readHere(id, text) };
      },
      error => {
        read.value = sentence(error);
      },
    );
  }, []);
  return read.value;
}
