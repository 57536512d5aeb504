/** A guest's window as a window of the browser: the same terminal or screen, drawn by the same page. Closing it brings it back. */

import { effect, signal } from '@preact/signals';
import { type ComponentChildren, type ComponentType, render } from 'preact';
import { reportProblem } from '../host.ts';
import { type DomainSession, sessions } from '../sessions.ts';
import { strings } from '../strings.ts';
import { shownTheme } from '../theme.ts';
import { Icon } from './marks.tsx';

const words = strings.popOut;

type Kind = 'screen' | 'serial';

export interface GuestWindowProps {
  session: DomainSession;
  /** The keyboard's way into the guest leads here. */
  first: boolean;
  /** What its place adds to the title. */
  chrome?: ComponentChildren;
  /** It is shown as one that has the keyboard. */
  captured?: boolean;
}

interface Away {
  window: Window;
  end(): void;
}
/** Those that are out, by domain and kind. */
const away = signal<ReadonlyMap<string, Away>>(new Map());
const keyOf = ({ id }: DomainSession, kind: Kind): string => `${id}/${kind}`;

const isAway = (session: DomainSession, kind: Kind): boolean => away.value.has(keyOf(session, kind));

/** `view`: what is in it. */
function open(session: DomainSession, kind: Kind, title: string, view: ComponentChildren): void {
  const key = keyOf(session, kind);
  // A name of its own: two requests get the same window.
  const other = window.open('', `ringside-${key.replace('/', '-')}`, 'popup,width=800,height=560');
  if (!other) return reportProblem(words.open(title), words.blocked);
  const { document: its } = other;
  its.title = title;
  its.documentElement.lang = document.documentElement.lang;
  for (const sheet of document.querySelectorAll<HTMLLinkElement | HTMLStyleElement>('link[rel=stylesheet],style')) {
    const copy = its.importNode(sheet, true);
    // A window without an address has none that a path could start from.
    if ('href' in copy && 'href' in sheet) copy.href = sheet.href;
    its.head.append(copy);
  }
  const stopTheme = effect(() => {
    its.documentElement.dataset.theme = shownTheme.value;
  });
  const place = its.createElement('main');
  place.className = 'popped';
  its.body.replaceChildren(place);
  render(view, place);
  // A guest that is put away takes its windows along.
  const stopFollowing = sessions.subscribe(map => {
    if (!map.has(session.id)) queueMicrotask(end);
  });
  let isOver = false;
  function end(): void {
    if (isOver) return;
    isOver = true;
    stopTheme();
    stopFollowing();
    // The terminal leaves before its document goes.
    render(null, place);
    const others = new Map(away.peek());
    others.delete(key);
    away.value = others;
    other!.close();
  }
  other.addEventListener('pagehide', end);
  away.value = new Map(away.peek()).set(key, { window: other, end });
}

// Without the page there is nobody who draws them.
window.addEventListener('pagehide', () => {
  for (const { end } of away.peek().values()) end();
});

/** The window over the whole screen, and back. */
function toggleFull(event: MouseEvent, title: string): void {
  const element = (event.currentTarget as Element).closest('.win')!,
    its = element.ownerDocument;
  if (its.fullscreenElement === element) return void its.exitFullscreen();
  // iPhones have it for films alone.
  void (element.requestFullscreen?.() ?? Promise.reject()).catch(() => reportProblem(words.full(title), words.notFull));
}

const FullButton = ({ title }: { title: string }) => (
  <button
    class="btn quiet icon sm"
    aria-label={words.full(title)}
    title={words.full(title)}
    onClick={event => toggleFull(event, title)}
  >
    <Icon name="full" />
  </button>
);

const PopButton = ({
  session,
  kind,
  title,
  view,
}: {
  session: DomainSession;
  kind: Kind;
  title: string;
  view: ComponentChildren;
}) => (
  <button
    class="btn quiet icon sm pops"
    aria-label={words.open(title)}
    title={words.open(title)}
    onClick={() => open(session, kind, title, view)}
  >
    <Icon name="out" />
  </button>
);

/** Where it was. */
function AwayNote({
  session,
  kind,
  title,
  chrome,
}: {
  session: DomainSession;
  kind: Kind;
  title: string;
  chrome: ComponentChildren;
}) {
  const out = away.value.get(keyOf(session, kind));
  return (
    <section class="win away" aria-label={title}>
      <div class="wt">
        <span class="t">{session.info.value.name}</span>
        <span class="sp" />
        {chrome}
      </div>
      <div class="wb">
        <p>{words.isOut}</p>
        <p class="row">
          <button class="btn" onClick={() => out?.window.focus()}>
            {words.show}
          </button>
          <button class="btn" onClick={() => out?.end()}>
            {words.back}
          </button>
        </p>
      </div>
    </section>
  );
}

/** A window in place in the page, or a note where it went. `Shown`: what is in it, here and there. */
export function GuestWindow({
  kind,
  title,
  Shown,
  ...props
}: GuestWindowProps & { kind: Kind; title: string; Shown: ComponentType<GuestWindowProps> }) {
  const { session, chrome } = props;
  if (isAway(session, kind)) return <AwayNote session={session} kind={kind} title={title} chrome={chrome} />;
  const full = <FullButton title={title} />;
  return (
    <Shown
      {...props}
      chrome={
        <>
          <PopButton
            session={session}
            kind={kind}
            title={title}
            view={<Shown session={session} first={false} chrome={full} />}
          />
          {full}
          {chrome}
        </>
      }
    />
  );
}
