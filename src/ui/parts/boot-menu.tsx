/** The host's boot menu, over the page while nothing runs. */
import { useLayoutEffect, useRef } from 'preact/hooks';
import { drawMenu, type MenuScreen } from '../../dom0/boot/menu/index.ts';
import { bootMenu, bootMenuChanges, bootMenuPressed } from '../boot.ts';
import { strings } from '../strings.ts';

/** KeyboardEvent.key, as the menu names keys. */
const KEYS: Record<string, string> = {
  ArrowUp: 'up', ArrowDown: 'down', ArrowLeft: 'left', ArrowRight: 'right', Home: 'home', End: 'end', PageUp: 'page-up', PageDown: 'page-down',
  Enter: 'enter', Escape: 'escape', Backspace: 'backspace', Delete: 'delete', F2: 'f2', F10: 'f10',
};

export function BootMenuScreen() {
  const shown = bootMenu.value;
  const screen = useRef<HTMLDivElement>(null);
  void bootMenuChanges.value;
  // As soon as it is there: a key that is pressed at its sight is meant for it.
  useLayoutEffect(() => { screen.current?.focus(); }, [shown]);
  if (!shown) return null;
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
    return <div class="bootmenu" ref={screen} tabIndex={0} role="dialog" aria-modal="true" aria-label={strings.bootMenu.off} onKeyDown={press} onFocusOut={keepFocus}>
      <p>{strings.bootMenu.off}</p><button class="btn" onClick={() => { bootMenuPressed.value++; }}>{strings.bootMenu.on}</button></div>;
  return <div class="bootmenu" ref={screen} tabIndex={0} role="dialog" aria-modal="true" aria-label={strings.bootMenu.label} data-testid="bootmenu" onKeyDown={press} onFocusOut={keepFocus}>
    <pre>{rowsOf(drawMenu(shown, strings.bootMenu.title))}</pre></div>;
}

function rowsOf({ rows, reverse, cursor }: MenuScreen) {
  return rows.map((row, i) => {
    const mark = reverse?.row === i ? reverse : cursor?.row === i ? { from: cursor.column, to: cursor.column + 1 } : undefined;
    return mark ? <>{row.slice(0, mark.from)}<mark>{row.slice(mark.from, mark.to)}</mark>{`${row.slice(mark.to)}\n`}</> : `${row}\n`;
  });
}
