/** A lesson on the workbench; the way to it. */

import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { copyToClipboard } from '../clipboard.ts';
import { strings } from '../strings.ts';
import { place } from '../navigation.ts';
import type { Panel } from '../panel.ts';
import { freshSeed, isInLesson, lessonAddress, LESSONS } from '../lessons/list.ts';
import { living } from '../host.ts';
import { later } from './load-when-shown.tsx';

const words = { name: 'Lesson' };
const LessonPage = later(
  () => import('../lessons/page.tsx'),
  part => part.LessonPage,
);

export const lessonPanel: Panel = {
  id: 'lesson',
  region: 'bench',
  name: words.name,
  show: here => here.kind === 'lesson' && <LessonPage />,
  title: here =>
    here.kind === 'lesson' ? (LESSONS.find(({ id }) => id === here.name)?.title ?? words.name) : undefined,
};

/** Where the address names a lesson, the page begins there. */
export function followLesson(): void {
  const name = new URLSearchParams(location.search).get('lesson');
  if (name !== null) place.value = { kind: 'lesson', name };
}

/** A lesson's address with a fresh seed, for a class: each number is a lesson. It asks whoever opens it for a name, of which numbers and code follow. */
export function HandOut() {
  const handed = useSignal<{ title: string; seed: string; address?: string } | undefined>(undefined),
    text = strings.home;
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

/** Guests that run here would go with the page: then a lesson has a tab of its own. `children`: what else measures a machine. */
export function LessonList({ children }: { children?: ComponentChildren }) {
  const away = living.value.length > 0 && !isInLesson() ? { target: '_blank', rel: 'noopener' } : {};
  return (
    <ol class="less">
      {LESSONS.map(({ id, title, about }, i) => (
        <li key={id}>
          <a href={lessonAddress(id)} {...away}>
            {i + 1}. {title}
          </a>
          <span class="sec">{about}</span>
        </li>
      ))}
      {children}
    </ol>
  );
}
