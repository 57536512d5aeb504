/** The desktop: the windows of all guests, tiled, in a stack or one at a time. A window that its guest does not use is not there. */

import { signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useRef } from 'preact/hooks';
import { mediaSignal } from '../media.ts';
import { layout } from '../settings.ts';
import { type DomainSession, frontGuest, sessions } from '../sessions.ts';
import { strings } from '../strings.ts';
import { viewStrings } from '../view-strings.ts';
import { Chip, Icon, StateMark } from './marks.tsx';
import { openMenu } from './menu.tsx';
import { ScreenWindow } from './screen.tsx';
import { SerialWindow } from './serial.tsx';

const words = viewStrings.desktop;

type Kind = 'screen' | 'serial';
interface Win {
  /** By the guest's name: a guest that restarts finds its windows where they were. */
  key: string;
  kind: Kind;
  session: DomainSession;
}
interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** A key moves or sizes a window by this, in pixels; no window is smaller. */
const STEP = 16,
  LEAST = { width: 280, height: 180 };

/** Windows in a stack, the one in front last. */
const order = signal<readonly string[]>([]);
/** The one that is shown where one is. */
const shownOne = signal('');
/** What the layout was before a window was made large. */
const before = signal<'tile' | 'stack' | undefined>(undefined);

const narrow = mediaSignal('(max-width: 1279px)');
const modeNow = (): 'tile' | 'stack' | 'one' => (narrow.value ? 'one' : layout.value.mode);

const living = (): DomainSession[] => [...sessions.value.values()].filter(({ gone }) => !gone.value);

function windowsOf(session: DomainSession): Win[] {
  const { name } = session.info.value;
  // One that is dying, or that an earlier Domain 0 took along, has its windows still, and another guest may have its name by now.
  const owner = living().findLast(each => each.info.value.name === name) === session ? name : `${name}#${session.id}`;
  // Windows come and do not go: while a guest boots, one does not take another's place.
  const kinds: Kind[] = [
    ...(session.hasScreen ? ['screen' as const] : []),
    ...(session.spoke.value || !session.hasScreen ? ['serial' as const] : []),
  ];
  return kinds.map(kind => ({ key: `${owner}/${kind}`, kind, session }));
}

const titleOf = ({ kind, session }: Win): string =>
  `${session.info.value.name}, ${kind === 'screen' ? strings.screen.title : strings.serial.title(session.info.value.type)}`;
const raise = (key: string): void => {
  if (order.peek().at(-1) === key) return;
  const there = new Set(
    living()
      .flatMap(windowsOf)
      .map(each => each.key),
  );
  order.value = [...order.peek().filter(each => each !== key && there.has(each)), key];
};
const setClosed = (key: string, isClosed: boolean): void => {
  const others = layout.peek().closed.filter(each => each !== key);
  layout.value = { ...layout.peek(), closed: isClosed ? [...others, key] : others };
};
const setMode = (mode: 'tile' | 'stack' | 'one'): void => {
  before.value = undefined;
  layout.value = { ...layout.peek(), mode };
};

/** What the title row offers: which windows there are, and their arrangement. */
export function Tools() {
  const { closed } = layout.value;
  const all = living().flatMap(windowsOf);
  return (
    <>
      <button
        class="btn"
        aria-haspopup="menu"
        onClick={event =>
          openMenu(
            event,
            words.windows,
            all.map(each => ({
              name: closed.includes(each.key) ? words.show(titleOf(each)) : words.hide(titleOf(each)),
              run: () => setClosed(each.key, !closed.includes(each.key)),
            })),
          )
        }
      >
        {words.windows} <Icon name="down" size={10} />
      </button>
      {!narrow.value && (
        <div class="seg" role="group" aria-label={words.arrange}>
          {(['tile', 'stack', 'one'] as const).map(each => (
            <button key={each} aria-pressed={modeNow() === each} onClick={() => setMode(each)}>
              {words.modes[each]}
            </button>
          ))}
        </div>
      )}
    </>
  );
}

export function Desktop() {
  const area = useRef<HTMLDivElement>(null);
  const { closed, at } = layout.value;
  const all = living().flatMap(windowsOf);
  const open = all.filter(({ key }) => !closed.includes(key));
  const mode = modeNow();
  const one = open.find(({ key }) => key === shownOne.value) ?? open[0];
  const shown = mode === 'one' ? (one ? [one] : []) : open;
  const front =
    mode === 'stack'
      ? (order.value.findLast(key => open.some(each => each.key === key)) ?? open.at(-1)?.key)
      : (one ?? open[0])?.key;
  return (
    <>
      {mode === 'one' && open.length > 1 && (
        <div class="wsw" role="group" aria-label={words.windows}>
          {open.map(each => (
            <button
              key={each.key}
              class="btn sm"
              aria-pressed={each === one}
              onClick={() => {
                shownOne.value = each.key;
              }}
            >
              <Chip id={each.session.id} />
              <StateMark state={each.session.state} />
              <span class="cut">{titleOf(each)}</span>
            </button>
          ))}
        </div>
      )}
      <div class={`desk all ${mode} n${Math.min(shown.length, 5)}`} ref={area}>
        {shown.length === 0 && <p class="hint">{words.none}</p>}
        {shown.map((each, i) => (
          <Slot
            key={each.key}
            win={each}
            isFirst={each.key === front}
            large={mode === 'one' && before.value !== undefined}
            mode={mode}
            area={area}
            box={mode === 'stack' ? (at[each.key] ?? cascade(i)) : undefined}
            depth={order.value.indexOf(each.key) + 1}
          />
        ))}
      </div>
    </>
  );
}

const cascade = (i: number): Box => ({ x: 24 + 40 * (i % 8), y: 20 + 36 * (i % 8), width: 720, height: 460 });

interface SlotProps {
  win: Win;
  isFirst: boolean;
  large: boolean;
  mode: string;
  area: { current: HTMLElement | null };
  box: Box | undefined;
  depth: number;
}

/** A window in place, with what moves, sizes and closes it. */
function Slot({ win, isFirst, large, mode, area, box, depth }: SlotProps) {
  const { key, kind, session } = win;
  const name = titleOf(win);
  const use = (): void => {
    raise(key);
    frontGuest.value = session.id;
  };
  const put = (to: Box): void => {
    const room = area.current!;
    const width = Math.max(LEAST.width, Math.min(to.width, room.clientWidth)),
      height = Math.max(LEAST.height, Math.min(to.height, room.clientHeight));
    const place: Box = {
      width,
      height,
      x: Math.max(0, Math.min(to.x, room.clientWidth - 80)),
      y: Math.max(0, Math.min(to.y, room.clientHeight - 40)),
    };
    layout.value = { ...layout.peek(), at: { ...layout.peek().at, [key]: place } };
  };
  /** Follows the pointer: what it changes of the box, by how far it has come. */
  const drag = (event: PointerEvent, change: (from: Box, dx: number, dy: number) => Box): void => {
    if (!box || event.button !== 0) return;
    const grip = event.currentTarget as HTMLElement,
      from = box;
    grip.setPointerCapture(event.pointerId);
    const move = (to: PointerEvent): void => put(change(from, to.clientX - event.clientX, to.clientY - event.clientY));
    const end = (): void => {
      grip.removeEventListener('pointermove', move);
      grip.removeEventListener('lostpointercapture', end);
    };
    grip.addEventListener('pointermove', move);
    grip.addEventListener('lostpointercapture', end);
  };
  const moved = (from: Box, dx: number, dy: number): Box => ({ ...from, x: from.x + dx, y: from.y + dy });
  const sized = (from: Box, dx: number, dy: number): Box => ({
    ...from,
    width: from.width + dx,
    height: from.height + dy,
  });
  const onTitle = (event: PointerEvent): void => {
    const target = event.target as Element;
    if (target.closest('.wt') && !target.closest('button, .pop')) drag(event, moved);
  };
  const onGripKey = (event: KeyboardEvent): void => {
    const [dx, dy] = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] }[
      event.key
    ] ?? [0, 0];
    if (!box || (dx === 0 && dy === 0)) return;
    event.preventDefault();
    put((event.shiftKey ? sized : moved)(box, dx!, dy!));
  };
  const enlarge = (): void => {
    if (large) return setMode(before.peek()!);
    const was = layout.peek().mode;
    shownOne.value = key;
    setMode('one');
    if (was !== 'one') before.value = was;
  };
  const chrome: ComponentChildren = (
    <>
      {mode === 'stack' && (
        <button
          class="btn quiet icon sm"
          aria-label={words.move(name)}
          title={words.moveHint}
          onKeyDown={onGripKey}
          onPointerDown={event => drag(event, moved)}
        >
          <Icon name="move" />
        </button>
      )}
      {(mode !== 'one' || large) && (
        <button
          class="btn quiet icon sm"
          aria-pressed={large}
          aria-label={large ? words.back(name) : words.enlarge(name)}
          title={large ? words.back(name) : words.enlarge(name)}
          onClick={enlarge}
        >
          <Icon name="maximise" />
        </button>
      )}
      <button
        class="btn quiet icon sm"
        aria-label={words.close(name)}
        title={words.close(name)}
        onClick={() => setClosed(key, true)}
      >
        <Icon name="close" />
      </button>
    </>
  );
  return (
    <div
      class="slot"
      data-window={key}
      style={box && `left:${box.x}px;top:${box.y}px;width:${box.width}px;height:${box.height}px;z-index:${depth}`}
      onPointerDownCapture={use}
      onFocusCapture={use}
      onPointerDown={onTitle}
    >
      {kind === 'screen' ? (
        <ScreenWindow session={session} first={isFirst} chrome={chrome} />
      ) : (
        <SerialWindow session={session} first={isFirst} chrome={chrome} />
      )}
      {box && (
        <div
          class="corner"
          title={words.size}
          onPointerDown={event => {
            event.stopPropagation();
            drag(event, sized);
          }}
        />
      )}
    </div>
  );
}
