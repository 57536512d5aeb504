/** What is around a lesson in its head: where else to go, a link to here, numbers of one's own, large letters for a wall; and in a frame of another page, less. */

import { qrCode } from './parts.ts';
import { signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';
import { type Lesson, versionOf } from '../../lessons/index.ts';
import { copyToClipboard } from '../clipboard.ts';
import { later } from '../parts/load-when-shown.tsx';
import { address, inLanguage, lessonHere, roundAddress, viewAddress } from './addresses.ts';
import { LANGUAGES } from './language.ts';
import { isFramed, keeps } from './frames.ts';
import { languagesOf } from './texts.ts';
import { words } from './words.ts';

const QrCode = later(qrCode, part => part.QrCode);

/** Panels of a lesson that a frame may show: `panels=steps,consoles`. */
const PANELS = ['steps', 'consoles'] as const;

/** Those that are shown; all, where none is named. */
export function panelsHere(): ReadonlySet<(typeof PANELS)[number]> {
  const named = (address().get('panels') ?? '').split(','),
    shown = PANELS.filter(panel => named.includes(panel));
  return new Set(shown.length > 0 ? shown : PANELS);
}

/** Large letters, and nothing but the lesson. */
const projects = signal(false);

/** The page around the lesson goes, in a frame and on a wall. */
export function useSurroundings(): void {
  const isFramed = address().get('embed') === '1',
    isLarge = projects.value;
  useEffect(() => {
    const { classList } = document.documentElement;
    classList.toggle('lembed', isFramed || isLarge);
    classList.toggle('lproject', isLarge);
    return () => classList.remove('lembed', 'lproject');
  }, [isFramed, isLarge]);
}

export const LargeButton = ({ look = 'btn' }: { look?: 'btn' | 'link' }) => (
  <button
    class={look}
    aria-pressed={projects.value}
    onClick={() => {
      projects.value = !projects.value;
    }}
  >
    {words.project}
  </button>
);

/** Whether the link is shown for a phone. */
const showsQr = signal(false);

/** What came of copying; a link that has to be copied by hand. */
const copyOutcome = signal<{ copied: true } | { link: string } | undefined>(undefined);

async function copyLink(to: string): Promise<void> {
  copyOutcome.value = (await copyToClipboard(to)) ? { copied: true } : { link: to };
}

/** In a page of its own, out of any frame. */
const Outside = ({ to, children }: { to: string; children: ComponentChildren }) => (
  <a href={to} target="_blank" rel="noopener">
    {children}
  </a>
);

/** What of somebody's progress stays, where that is not as in a page of its own; `link`: to what is shown, there. */
export function Keeps({ link }: { link?: string }) {
  const how = keeps();
  if (how === 'all') return null;
  return (
    <p class="sec" role="note">
      {words.keeps[how]} {link && isFramed() && <Outside to={link}>{words.openOutside}</Outside>}
    </p>
  );
}

/** `no`: of the round at hand. */
export function Around({ lesson, no, onName }: { lesson: Lesson; no: number; onName(): void }) {
  const id = address().get('lesson') ?? '',
    seed = address().get('seed') ?? '',
    name = address().get('name') ?? '',
    link = roundAddress(versionOf(lesson), no);
  return (
    <>
      {!isFramed() && (
        <span class="lways">
          <a href="./#/lessons">{words.allLessons}</a> <a href="./">{words.leaveLesson}</a>
        </span>
      )}
      <details class="laround">
        <summary>{words.more}</summary>
        <div class="row wrap">
          <a href={lessonHere(id, undefined, name)}>{words.another}</a>
          <button class="link" onClick={onName}>
            {name ? words.anotherName : words.withName}
          </button>
          <button class="link" onClick={() => void copyLink(link)}>
            {words.copyLink}
          </button>
          <button
            class="link"
            aria-expanded={showsQr.value}
            onClick={() => {
              showsQr.value = !showsQr.value;
            }}
          >
            {words.qr}
          </button>
          <LargeButton look="link" />
          {(['teacher', 'handout', 'wall', 'edit', 'glossary', 'progress'] as const).map(view => (
            <a key={view} href={viewAddress(id, view, seed)}>
              {words.views[view]}
            </a>
          ))}
          {languagesOf(id).map(code => (
            <a key={code} lang={code} hreflang={code} href={inLanguage(code)}>
              {LANGUAGES[code]}
            </a>
          ))}
        </div>
        {showsQr.value && <QrCode text={link} />}
        {copyOutcome.value !== undefined && (
          <p class="sec" role="status">
            {'link' in copyOutcome.value ? (
              <Outside to={copyOutcome.value.link}>{copyOutcome.value.link}</Outside>
            ) : (
              words.copied
            )}
          </p>
        )}
      </details>
    </>
  );
}
