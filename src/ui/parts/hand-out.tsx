/** Links to lessons for a class. Loaded behind the first prompt. */

import { useSignal } from '@preact/signals';
import { copyToClipboard } from '../clipboard.ts';
import { freshSeed, lessonAddress, LESSONS } from '../lessons/list.ts';

const words = {
  teachers: 'Links for a class:',
  handOutShort: (n: number) => `lesson ${n}`,
  handOut: (title: string) => `Copy a link to ${title}, with a seed of its own`,
  handed: (title: string, seed: string) =>
    `${title}, seed ${seed}: copied. It asks for a name; each has its own numbers.`,
  byHand: 'This browser does not copy. The link:',
};

/** A lesson's address with a fresh seed, for a class: each number is a lesson. It asks the person who opens it for a name, from which numbers and code follow. */
export function HandOut() {
  const handed = useSignal<{ title: string; seed: string; address?: string } | undefined>(undefined),
    text = words;
  const copy = async (id: string, title: string): Promise<void> => {
    const seed = freshSeed(),
      address = new URL(`${lessonAddress(id, seed)}&name=`, document.baseURI).href;
    const isCopied = await copyToClipboard(address);
    handed.value = { title, seed, ...(isCopied ? {} : { address }) };
  };
  return (
    <>
      <span class="hand">
        {text.teachers}{' '}
        {LESSONS.map(({ id, title }, i) => (
          <button
            key={id}
            class="link"
            aria-label={`${text.handOutShort(i + 1)}: ${text.handOut(title)}`}
            title={text.handOut(title)}
            onClick={() => void copy(id, title)}
          >
            {text.handOutShort(i + 1)}
          </button>
        ))}
      </span>
      <span class="hand" role="status">
        {handed.value &&
          (handed.value.address === undefined ? (
            text.handed(handed.value.title, handed.value.seed)
          ) : (
            <>
              {text.byHand} <code>{handed.value.address}</code>
            </>
          ))}
      </span>
    </>
  );
}
