/** The source of a small guest, to be changed: it is assembled in the page, and started in place of the guest that runs. */
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { sentence } from '../host.ts';
import type { Now } from './facts.ts';
import { problem, rebuild } from './taking.ts';
import { words } from './words.ts';

const ROWS = 16;

export function Editor({ guest, state: { run, busy } }: { guest: string; state: Now }) {
  const text = useSignal<string | undefined>(undefined),
    id = run.idOf(guest);
  // As it runs: a step that is begun again, or done for somebody, has another.
  useEffect(() => {
    run.sourceOf(guest).then(
      source => {
        text.value = source;
      },
      error => {
        problem.value = sentence(error);
      },
    );
  }, [run, guest, id]);
  if (text.value === undefined) return null;
  return (
    <div class="lsrc">
      <label class="sec" for={`source-${guest}`}>
        {words.source(guest)}
      </label>
      <textarea
        id={`source-${guest}`}
        class="m"
        rows={ROWS}
        wrap="off"
        spellcheck={false}
        value={text.value}
        onInput={event => {
          text.value = event.currentTarget.value;
        }}
      />
      <button class="btn sm" disabled={busy} onClick={() => void rebuild(guest, text.peek()!)}>
        {words.assemble(guest)}
      </button>
    </div>
  );
}
