/** Entry of the page. */

import { savedGuests } from './parts.ts';
import '@xterm/xterm/css/xterm.css';
import './style.css';
import { effect } from '@preact/signals';
import { render } from 'preact';
import { App, BootMenuScreen } from './app.tsx';
import { bootMenu, bootMenuShown } from './boot.ts';
import { connect, reportProblem, resume } from './host.ts';
import { sentence } from './sentence.ts';
import { followFirstPrompt } from './first-prompt.ts';
import { followHistory } from './history.ts';
import { catalogue, startCatalogue } from './offered-guests.ts';
import { followInventory } from './inventory.ts';
import { isolate, keepForLater } from './offline.ts';
import { followStart } from './boot-times.ts';
import { followDomains } from './sessions.ts';
import { followLesson } from './parts/lesson.tsx';
import { loadSettings, saveEvery } from './settings.ts';
import { followLeaving } from './leaving.ts';
import { followDrafts, followRestarts, followWindows, place } from './navigation.ts';
import { strings } from './strings.ts';
import { followTheme } from './theme.ts';
import { followHypervisor } from './hypervisors/own.ts';

// Nothing may fail silently: whatever was thrown is in the task log.
window.addEventListener('error', event => {
  // The browser's own note about observers that took another round is no failure.
  if (/^ResizeObserver loop/.test(event.message)) return;
  reportProblem(strings.errors.page, strings.errors.pageFailed(event.error ? sentence(event.error) : event.message));
});
window.addEventListener('unhandledrejection', event =>
  reportProblem(strings.errors.page, strings.errors.pageFailed(sentence(event.reason))),
);

/** In a function: a module that awaits would have the bundler part the page's script into many, one for whatever parts that are loaded later share with it. */
async function begin(): Promise<void> {
  // A page without an origin has no workers: it has said so (index.html).
  if (globalThis.origin === 'null') return;
  if (await isolate()) return;
  await loadSettings();
  followTheme();
  followHypervisor();
  followRestarts();
  followDrafts();
  followWindows();
  followLeaving();
  // Before the history: the page begins there, and Back leads out of it.
  followLesson();
  followHistory();
  followFirstPrompt();
  followStart();
  followDomains(id => place.peek().id === id);
  // The boot menu, where it is wanted, is the first thing that is painted.
  bootMenuShown.value = false;
  void connect();
  if (bootMenu.peek()) await BootMenuScreen.load();
  render(<App />, document.getElementById('app')!);
  startCatalogue();
  followInventory(catalogue.then(resume));
  keepForLater();
  // What saves running guests is loaded where somebody wants that.
  effect(() => {
    if (saveEvery.value > 0)
      void savedGuests.load().then(
        ({ follow }) => follow(),
        error => reportProblem(strings.errors.page, strings.errors.partFailed(sentence(error))),
      );
  });
}

void begin();
