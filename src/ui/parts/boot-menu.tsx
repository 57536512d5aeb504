/** The host's boot menu, over the page while nothing runs. It is loaded where it is shown: at the first visit, and on request. */
import { useLayoutEffect, useRef } from 'preact/hooks';
import { type BootMenu, drawMenu, type MenuScreen } from '../../dom0/toolstack/boot/menu/index.ts';
import { bootMenu, bootMenuChanges, bootMenuPressed, bootMenuShown } from '../boot.ts';
import type { OfEach } from '../hypervisors/of-host.ts';
import { Brand, Icon } from './marks.tsx';

const words = {
  title: 'Ringside: /boot/grub/grub.cfg of the host',
  motto: 'a seat close enough to see',
  keys: [
    ['↑ ↓', 'choose'],
    ['Enter', 'boot'],
    ['e', 'edit its commands'],
    ['c', 'command line'],
  ] as [string, string][],
  above: ['Esc', 'menu above'] as [string, string],
  soon: (seconds: number) => `The highlighted entry will be executed automatically in ${seconds}s.`,
  waits: 'The host waits for your choice.',
  empty: 'There are no entries: c opens the command line.',
  commands: {
    echo: 'shows a line',
    multiboot2: 'the hypervisor, with its own command line',
    module2: 'what it starts first: Domain-0’s kernel',
    linux: 'the host’s own kernel, with KVM in it',
  } as Record<string, string>,
  /** Words of those command lines, as xen-command-line.pandoc tells them. */
  options: {
    'loglvl=all': 'Xen keeps every message of its own',
    'guest_loglvl=all': 'and those about guests',
    'cpuid=no-vmx': 'as on a processor without VT-x: PV guests only',
    'sched=rr': 'guests take turns of one length, whatever their weight',
    hvm_fep: 'guests may ask for an instruction to be emulated',
    'root=/dev/sda2': 'the partition of the host’s own files',
  } as Record<string, string>,
  chain: [
    ['c-hw', 'Firmware', 'finds the disk'],
    ['c-hv here', 'GRUB', 'you are here'],
  ],
  /** What comes behind GRUB. */
  starts: {
    xen: [
      ['c-hv', 'Xen', 'takes processor and memory'],
      ['c-d0', 'Domain-0', 'drives the devices, has xl'],
      ['c-A', 'Guests', 'run next to it'],
    ],
    kvm: [
      ['c-d0', 'Linux', 'takes the whole machine, has virsh'],
      ['c-hv', 'KVM', 'is a part of its kernel'],
      ['c-A', 'Guests', 'are processes of it'],
    ],
  } satisfies OfEach<string[][]>,
  label: 'Boot menu of the host: up, down and Enter, e edits, c opens a command line',
  off: 'The host is switched off. Press any key to switch it on.',
  on: 'Switch on',
};

/** KeyboardEvent.key, as the menu names keys. */
const KEYS: Record<string, string> = {
  ArrowUp: 'up',
  ArrowDown: 'down',
  ArrowLeft: 'left',
  ArrowRight: 'right',
  Home: 'home',
  End: 'end',
  PageUp: 'page-up',
  PageDown: 'page-down',
  Enter: 'enter',
  Escape: 'escape',
  Backspace: 'backspace',
  Delete: 'delete',
  F2: 'f2',
  F10: 'f10',
};

export function BootMenuScreen() {
  const shown = bootMenu.value;
  const screen = useRef<HTMLDivElement>(null);
  void bootMenuChanges.value;
  // As soon as it is there: a key that is pressed at its sight is meant for it.
  useLayoutEffect(() => {
    screen.current?.focus();
    bootMenuShown.value = true;
  }, [shown]);
  if (!shown) return null;
  const pressKeys = (...keys: string[]): void => {
    for (const key of keys) if (shown !== 'off') shown.press({ key } as Parameters<BootMenu['press']>[0]);
    bootMenuChanges.value++;
    bootMenuPressed.value++;
  };
  const press = (event: KeyboardEvent): void => {
    const { key, ctrlKey, altKey, metaKey } = event;
    // The browser's own keys, and Tab, stay theirs.
    const named = KEYS[key] ?? (ctrlKey && /^[a-z]$/i.test(key) ? `ctrl-${key.toLowerCase()}` : undefined);
    if (altKey || metaKey || (!named && (key.length !== 1 || ctrlKey))) return;
    event.preventDefault();
    event.stopPropagation();
    if (shown !== 'off') shown.press(named ? { key: named } : { text: key });
    bootMenuChanges.value++;
    bootMenuPressed.value++;
  };
  // It is modal: what ends behind it, a shell say, may not take the keys away.
  const keepFocus = ({ relatedTarget }: FocusEvent): void => {
    if (relatedTarget instanceof Node && !screen.current?.contains(relatedTarget)) screen.current?.focus();
  };
  if (shown === 'off')
    return (
      <div
        class="bootmenu"
        ref={screen}
        tabIndex={0}
        role="dialog"
        aria-modal="true"
        aria-label={words.off}
        onKeyDown={press}
        onFocusOut={keepFocus}
      >
        <p>{words.off}</p>
        <button
          class="btn"
          onClick={() => {
            bootMenuPressed.value++;
          }}
        >
          {words.on}
        </button>
      </div>
    );
  return (
    <div
      class={`bootmenu${shown.mode.kind === 'menu' ? ' list' : ''}`}
      ref={screen}
      tabIndex={0}
      role="dialog"
      aria-modal="true"
      aria-label={words.label}
      data-testid="bootmenu"
      onKeyDown={press}
      onFocusOut={keepFocus}
    >
      {shown.mode.kind === 'menu' ? (
        <Entries menu={shown} press={pressKeys} />
      ) : (
        <pre>{rowsOf(drawMenu(shown, words.title))}</pre>
      )}
    </div>
  );
}

/** The menu itself: its entries, and what the chosen one of them runs. The editor and the command line are the screen that GRUB draws. */
function Entries({
  menu: { entries, selectedIndex, secondsLeft, isBelow },
  press,
}: {
  menu: BootMenu;
  press(...keys: string[]): void;
}) {
  const chosen = entries[selectedIndex],
    lines = chosen?.kind === 'menuentry' ? chosen.lines : [],
    hypervisor = lines.some(line => line.startsWith('linux ')) ? 'kvm' : 'xen';
  return (
    <main>
      <section>
        <p class="brand-line">
          <Brand />
          <span class="sec">{words.motto}</span>
        </p>
        <ol class="entries">
          {entries.map(({ title, kind }, i) => (
            <li
              key={i}
              class={i === selectedIndex ? 'on' : ''}
              aria-current={i === selectedIndex}
              onClick={() =>
                press(...Array<string>(Math.abs(i - selectedIndex)).fill(i < selectedIndex ? 'up' : 'down'), 'enter')
              }
            >
              <Icon name="run" size={10} />
              <Title text={title} />
              {kind === 'submenu' && <Icon name="right" />}
            </li>
          ))}
        </ol>
        <p class="how">
          {(isBelow ? [...words.keys, words.above] : words.keys).map(([keys, does]) => (
            <span>
              {keys.split(' ').map(key => (
                <kbd>{key}</kbd>
              ))}{' '}
              {does}
            </span>
          ))}
        </p>
        <p class="soon">
          {entries.length === 0 ? words.empty : secondsLeft === undefined ? words.waits : words.soon(secondsLeft)}
        </p>
      </section>
      <section>
        <h3>{words.title}</h3>
        <ol class="lines">
          {chosen?.kind === 'menuentry'
            ? lines.map((line, i) => <Line key={i} text={line} />)
            : chosen?.entries.map(({ title }) => (
                <li key={title}>
                  <code>{title}</code>
                </li>
              ))}
        </ol>
      </section>
      <ol class="bootway">
        {[...words.chain, ...words.starts[hypervisor]].map(([owner, name, does]) => (
          <li key={name} class={owner}>
            <b class="dom">{name}</b>
            <span>{does}</span>
          </li>
        ))}
      </ol>
    </main>
  );
}

/** A command of an entry, what it does, and what its options ask for. */
function Line({ text }: { text: string }) {
  const [command, ...options] = text.split(' ');
  return (
    <li>
      <code>{text}</code>
      <small>{words.commands[command!]}</small>
      {options
        .filter(option => option in words.options)
        .map(option => (
          <small key={option} class="opt">
            <code>{option}</code> {words.options[option]}
          </small>
        ))}
    </li>
  );
}

/** What comes after its first comma says what is different about it. */
function Title({ text }: { text: string }) {
  const [name, ...rest] = text.split(', ');
  return (
    <span>
      <b>{name}</b>
      {rest.length > 0 && (
        <small>
          <span class="hidden">, </span>
          {rest.join(', ')}
        </small>
      )}
    </span>
  );
}

function rowsOf({ rows, reverse, cursor }: MenuScreen) {
  return rows.map((row, i) => {
    const mark =
      reverse?.row === i ? reverse : cursor?.row === i ? { from: cursor.column, to: cursor.column + 1 } : undefined;
    return mark ? (
      <>
        {row.slice(0, mark.from)}
        <mark>{row.slice(mark.from, mark.to)}</mark>
        {`${row.slice(mark.to)}\n`}
      </>
    ) : (
      `${row}\n`
    );
  });
}
