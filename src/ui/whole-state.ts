/** All that outlives the host as one file: written, taken in, and begun again. */
import { pageWords } from './hypervisors/own.ts';
import { batch, signal } from '@preact/signals';
import type { NamedFile, StateHead, StatePiece } from '../dom0/service/index.ts';
import { asTask, host, hostsLost, reportProblem } from './host.ts';
import { sentence } from './sentence.ts';
import { look } from './inventory.ts';
import { kept, takeSettings } from './settings.ts';
import { learnState, newShell, shell } from './shell-session.ts';
import { download, go } from './navigation.ts';
import { whole } from './units.ts';

/** An export under way: bytes so far, and how it is given up. */
export const exporting = signal<{ bytes: number; cancel(): void } | undefined>(undefined);
/** An exported file that somebody gave, and what it holds; `problem`: why it is none, or why it did not take this host's place. */
export const incoming = signal<{ file: NamedFile; head?: StateHead; taking?: boolean; problem?: string } | undefined>(
  undefined,
);
/** Somebody was asked whether the host is to be reset; then it is, or it could not be. */
export const resetting = signal<'asked' | 'going' | { problem: string } | undefined>(undefined);
/** What the last one of these did, or why it did not. */
export const outcome = signal<{ good: boolean; text: string } | undefined>(undefined);

/** Of a blob's parts: each is the browser's to put on disk. */
const PART_BYTES = 8 * 2 ** 20;

/** One download with everything in it. */
export async function exportAll(): Promise<void> {
  if (exporting.peek()) return;
  outcome.value = undefined;
  exporting.value = { bytes: 0, cancel: () => {} };
  try {
    const port = await host.exportState(kept());
    const file = await collect(port);
    if (file) {
      download(file, `ringside-${new Date().toISOString().slice(0, 10)}.state`);
      outcome.value = {
        good: true,
        text: `${whole(file.size)} bytes are downloaded. Drop the file on this page, in any browser, to have it all there.`,
      };
    }
  } catch (error) {
    fail('ringside export', error);
  } finally {
    exporting.value = undefined;
  }
}

/** Undefined: it was given up. */
function collect(port: MessagePort): Promise<Blob | undefined> {
  return new Promise((done, fail) => {
    const parts: Blob[] = [];
    let recent: Uint8Array<ArrayBuffer>[] = [],
      recentBytes = 0,
      bytes = 0,
      shown = 0;
    const end = (): void => {
      stop();
      port.onmessage = null;
      port.close();
    };
    const before = hostsLost.peek();
    // What ends with Domain 0 says nothing more.
    const stop = hostsLost.subscribe(lost => {
      if (lost > before) {
        end();
        fail(new Error(pageWords().errors.hostEnded));
      }
    });
    const cancel = (): void => {
      port.postMessage('cancel');
      end();
      done(undefined);
    };
    const show = (): void => {
      exporting.value = { bytes, cancel };
    };
    show();
    port.onmessage = ({ data }: MessageEvent<StatePiece>) => {
      if ('problem' in data) {
        end();
        fail(new Error(data.problem));
        return;
      }
      if ('done' in data) {
        end();
        done(new Blob([...parts, ...recent]));
        return;
      }
      recent.push(data.bytes as Uint8Array<ArrayBuffer>);
      recentBytes += data.bytes.length;
      bytes += data.bytes.length;
      if (recentBytes >= PART_BYTES) {
        parts.push(new Blob(recent));
        recent = [];
        recentBytes = 0;
      }
      if (performance.now() - shown > 100) {
        shown = performance.now();
        show();
      }
      port.postMessage('more');
    };
    port.postMessage('more');
  });
}

/** Somebody gave an exported file: it is checked whole, and shown with what it holds. Nothing changes yet. */
export async function takeIn(file: NamedFile): Promise<void> {
  const mine = { file };
  batch(() => {
    incoming.value = mine;
    resetting.value = outcome.value = undefined;
    go({ kind: 'home', tab: 'storage' });
  });
  try {
    const head = await host.judgeState(file.data);
    if (incoming.peek() === mine) incoming.value = { file, head };
  } catch (error) {
    if (incoming.peek() === mine) incoming.value = { file, problem: sentence(error) };
    reportProblem(`ringside import ${file.name}`, sentence(error));
  }
}

/** It takes the place of what is here. */
export async function takeOverAll(): Promise<void> {
  const given = incoming.peek();
  if (!given?.head || given.taking) return;
  incoming.value = { ...given, taking: true };
  let problem: string | undefined;
  await asTask(`ringside import ${given.file.name}`, async () => {
    try {
      takeSettings(await host.importState(given.file.data, given.file.name));
    } catch (error) {
      problem = sentence(error);
      throw error;
    }
  });
  if (problem === undefined) afterwards(`This is the host of ${given.file.name} now.`);
  else incoming.value = { file: given.file, head: given.head, problem };
}

/** Nothing of this host is kept any more. */
export async function resetAll(): Promise<void> {
  if (resetting.peek() !== 'asked') return;
  resetting.value = 'going';
  try {
    await host.resetState();
    takeSettings({});
    afterwards('The host is as it was at the first visit.');
  } catch (error) {
    fail('ringside reset', error);
    resetting.value = { problem: sentence(error) };
  }
}

function afterwards(text: string): void {
  batch(() => {
    incoming.value = resetting.value = undefined;
    outcome.value = { good: true, text };
  });
  // Its files are others now.
  if (shell.peek()) newShell();
  void learnState();
  void look();
}

function fail(command: string, error: unknown): void {
  const text = sentence(error);
  outcome.value = { good: false, text };
  void asTask(command, () => Promise.reject(error instanceof Error ? error : new Error(text)));
}
