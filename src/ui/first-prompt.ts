/**
 * What is loaded behind the first prompt waits for it here, however slow machine and network are: a fixed time would let it come in the prompt's way on a
 * slow one.
 */
import { afterPrompt } from './prompt-reached.ts';
import { info, tasks } from './host.ts';
import { sessions } from './sessions.ts';

/** A guest that has said something and is silent for this long has its prompt. */
const SILENT_MS = 2000;
/** Where no guest is started nobody waits any more. */
const NOBODY_MS = 4000;
/** A guest that goes on and on, and one that says nothing, are not waited for longer. */
const MOST_MS = 20_000;
const LOOK_MS = 100;

/** What can be seen of the guests at a moment. */
export interface Look {
  nowMs: number;
  /** A guest is being started, or runs and has shown nothing yet. */
  isAwaited: boolean;
  /** Bytes that guests have said; a screen that has been drawn on counts as one. */
  said: number;
}

/** Called with each look in order, it says whether the first prompt is there. */
export function promptWatch(): (look: Look) => boolean {
  let before = 0,
    changedMs: number | undefined,
    awaitedMs: number | undefined;
  return ({ nowMs, isAwaited, said }) => {
    if (isAwaited || said > 0) awaitedMs ??= nowMs;
    if (isAwaited || said !== before) changedMs = nowMs;
    changedMs ??= nowMs;
    before = said;
    return (
      nowMs - changedMs >= (said > 0 ? SILENT_MS : NOBODY_MS) ||
      (awaitedMs !== undefined && nowMs - awaitedMs >= MOST_MS)
    );
  };
}

/** Begins. */
export function followFirstPrompt(): void {
  const isThere = promptWatch();
  const timer = setInterval(() => {
    // The boot menu is shown, or Domain 0 starts.
    if (!info.peek()) return;
    const all = [...sessions.peek().values()];
    const shown = all.filter(({ spoke, drew }) => spoke.peek() || drew.peek());
    const said = shown.reduce((sum, { terminal, drew }) => sum + terminal.received + Number(drew.peek()), 0);
    const isAwaited =
      tasks.peek().some(({ state }) => state === 'running') ||
      (shown.length === 0 && all.some(({ gone }) => !gone.peek()));
    if (!isThere({ nowMs: performance.now(), isAwaited, said })) return;
    clearInterval(timer);
    afterPrompt.value = true;
  }, LOOK_MS);
}
