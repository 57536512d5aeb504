/** The page: regions, and what is in them. */

import { bootMenuScreen, guestNotes, menus, naming } from './parts.ts';
import { useEffect } from 'preact/hooks';
import { command } from './host.ts';
import { type DomainSession, sessions } from './sessions.ts';
import { filesOf, folderOf } from './dropped-files.ts';
import { CONSOLE } from './keyboard.ts';
import { afterPrompt } from './prompt-reached.ts';
import {
  addFiles,
  askedName,
  detailOpen,
  dragging,
  go,
  paletteOpen,
  place,
  stripOpen,
  treeOpen,
} from './navigation.ts';
import { bootMenu } from './boot.ts';
import { strings } from './strings.ts';
import type { Panel } from './panel.ts';
import { PANELS } from './panels.ts';
import { named } from './parts/home.tsx';
import { Bench, Inspector } from './parts/regions.tsx';
import { Header } from './parts/header.tsx';
import { later } from './parts/load-when-shown.tsx';
import { menu } from './parts/menu.tsx';
import { Splitter } from './parts/splitter.tsx';
import { Strip } from './parts/strip.tsx';
import { Tree } from './parts/tree.tsx';

const NameDialog = later(naming, part => part.NameDialog);

const Menu = later(menus, part => part.Menu);

const Palette = later(menus, part => part.Palette);

export const BootMenuScreen = later(bootMenuScreen, part => part.BootMenuScreen);

export function App({ panels = PANELS }: { panels?: readonly Panel[] }) {
  useEffect(dropTarget, []);
  useEffect(regionKeys, []);
  // Who types on at once types into it: it is there before somebody wants it.
  useEffect(() => {
    if (afterPrompt.value) void Promise.all([Palette.load(), Menu.load()]);
  }, [afterPrompt.value]);
  const here = place.value;
  const name = panels.map(panel => panel.title?.(here)).find(title => title !== undefined);
  const title = name ? `${name} – ${strings.product}` : strings.product;
  useEffect(() => {
    document.title = title;
  }, [title]);
  return (
    <div class={`app on-${here.kind}`}>
      <a class="skip" href="#bench">
        {strings.skip}
      </a>
      <Header />
      <Tree />
      <Splitter region="tree" />
      {(treeOpen.value || detailOpen.value) && (
        <div
          class="scrim"
          onClick={() => {
            treeOpen.value = detailOpen.value = false;
          }}
        />
      )}
      <Bench panels={panels} />
      <Inspector panels={panels} />
      {paletteOpen.value && <Palette panels={panels} />}
      {menu.value && <Menu />}
      {askedName.value && <NameDialog asked={askedName.value} />}
      {bootMenu.value && <BootMenuScreen />}
      <Strip />
      {stripOpen.value && <Splitter region="strip" />}
      {dragging.value && here.kind !== 'home' && (
        <div class="dropveil">
          <p>{strings.home.dropNow}</p>
        </div>
      )}
    </div>
  );
}

/** The guest whose window something is in, on its own page or on the desktop. */
function guestAt(target: Element): DomainSession | undefined {
  const { guest, window: key } = target.closest?.<HTMLElement>('[data-guest],[data-window]')?.dataset ?? {};
  return [...sessions.peek().values()].find(
    ({ id, info }) => String(id) === guest || (key !== undefined && key.startsWith(`${info.peek().name}/`)),
  );
}

/** The whole page takes files; nothing starts by dropping. */
function dropTarget(): () => void {
  let depth = 0;
  const hasFiles = (event: DragEvent) => [...(event.dataTransfer?.types ?? [])].includes('Files');
  const enter = (event: DragEvent) => {
    if (hasFiles(event)) {
      event.preventDefault();
      depth++;
      dragging.value = true;
    }
  };
  const over = (event: DragEvent) => {
    if (hasFiles(event)) {
      event.preventDefault();
      event.dataTransfer!.dropEffect = 'copy';
    }
  };
  const leave = (event: DragEvent) => {
    if (hasFiles(event) && --depth <= 0) {
      depth = 0;
      dragging.value = false;
    }
  };
  const drop = (event: DragEvent) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    depth = 0;
    dragging.value = false;
    const session = guestAt(event.target as Element);
    const folder = session && !session.over ? folderOf(event.dataTransfer!) : undefined;
    if (session && folder) void guestNotes.load().then(({ share }) => share(session, folder));
    else void addFiles(filesOf(event.dataTransfer!).then(named));
  };
  const pairs = [
    ['dragenter', enter],
    ['dragover', over],
    ['dragleave', leave],
    ['drop', drop],
  ] as const;
  for (const [type, listener] of pairs) window.addEventListener(type, listener);
  return () => {
    for (const [type, listener] of pairs) window.removeEventListener(type, listener);
  };
}

/** Alt + 1 to 5: tree, workbench, inspector, task log, console. Ctrl + Alt + P pauses or runs. Ctrl + K searches (a terminal keeps it: shells know it). */
function regionKeys(): () => void {
  const onKey = (event: KeyboardEvent) => {
    if (
      (event.ctrlKey || event.metaKey) &&
      !event.altKey &&
      !event.shiftKey &&
      event.code === 'KeyK' &&
      !(event.target as Element).closest?.('.xterm')
    ) {
      event.preventDefault();
      paletteOpen.value = true;
      return;
    }
    // Nothing is chosen: the console is, and one key is the way into the guest.
    if (
      event.key === 'Enter' &&
      !event.ctrlKey &&
      !event.altKey &&
      !event.metaKey &&
      !event.shiftKey &&
      (event.target === document.body || (event.target as Element).id === 'bench')
    ) {
      const use = document.querySelector<HTMLElement>(CONSOLE);
      if (!use) return;
      event.preventDefault();
      use.click();
      return;
    }
    if (event.altKey && event.ctrlKey && event.code === 'KeyP') {
      const here = place.peek();
      const domain = here.id === undefined ? undefined : sessions.peek().get(here.id)?.info.peek();
      if (!domain) return;
      event.preventDefault();
      void command(domain.state === 'p' ? 'unpause' : 'pause', domain);
      return;
    }
    if (!event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || !/^Digit[1-5]$/.test(event.code)) return;
    event.preventDefault();
    const id = ['tree', 'bench', 'inspector', 'strip', ''][Number(event.code[5]) - 1];
    if (id === 'tree') treeOpen.value = matchMedia('(max-width: 1023px)').matches;
    if (id === 'inspector') detailOpen.value = matchMedia('(max-width: 1023px)').matches;
    if (!id && place.peek().kind === 'home') {
      const last = [...sessions.peek().keys()].at(-1);
      if (last !== undefined) go({ kind: 'domain', id: last });
    }
    requestAnimationFrame(() =>
      (id ? document.getElementById(id) : document.querySelector<HTMLElement>('[data-console=true]'))?.focus(),
    );
  };
  window.addEventListener('keydown', onKey);
  return () => window.removeEventListener('keydown', onKey);
}
