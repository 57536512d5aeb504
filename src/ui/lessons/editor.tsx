/** The source of a small guest, to be changed: it is assembled in the page, and started in place of the guest that runs. */
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { sentence } from '../sentence.ts';
import { Tag } from '../parts/marks.tsx';
import type { Now } from './facts.ts';
import { Numbered } from './numbered.tsx';
import { problem, rebuild } from './taking.ts';
import { words } from './words.ts';

/** Lines that stay above the one that is to be changed first. */
const ABOVE = 3;

/** `line`: the first that is to be changed. */
export function Editor({ guest, line, state: { run, busy } }: { guest: string; line: number; state: Now }) {
  const text = useSignal<string | undefined>(undefined),
    area = useRef<HTMLTextAreaElement>(null),
    frame = useRef<HTMLDivElement>(null),
    id = run.idOf(guest),
    isThere = text.value !== undefined;
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
  useEffect(() => {
    if (!area.current || !frame.current) return;
    const lines = area.current.value.split('\n'),
      at = lines.slice(0, line - 1).join('\n').length + 1;
    frame.current.scrollTop = (frame.current.scrollHeight / lines.length) * (line - 1 - ABOVE);
    // A person who comes by a key begins there.
    area.current.setSelectionRange(at, at);
  }, [isThere]);
  if (text.value === undefined) return null;
  const lines = text.value.split('\n');
  return (
    <div class="lsrc">
      <label class="sec" for={`source-${guest}`}>
        {words.source(guest)}
      </label>
      <Numbered lines={lines} frame={frame}>
        <textarea
          ref={area}
          id={`source-${guest}`}
          rows={lines.length}
          wrap="off"
          spellcheck={false}
          value={text.value}
          onInput={event => {
            text.value = event.currentTarget.value;
          }}
        />
      </Numbered>
      <button class="btn sm" disabled={busy} onClick={() => void rebuild(guest, text.peek()!)}>
        {words.assemble(guest)}
      </button>
      {/* The head tells it, too, where it may be out of sight. */}
      {problem.value && <Tag kind="failed">{problem.value}</Tag>}
    </div>
  );
}
