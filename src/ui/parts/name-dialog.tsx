/** Asks for a name, next to the command that it goes into; stays open, with the reason, where the command is refused. */

import './snapshots.css';
import { useSignal } from '@preact/signals';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { sentence } from '../sentence.ts';
import { type Asked, askedName } from '../navigation.ts';
import { Both } from './both-words.tsx';
import { useClosedByBack } from './closed-by-back.ts';
import { Problem } from './marks.tsx';

const words = { cancel: 'Cancel', busy: 'It is being done …' };

export function NameDialog({ asked }: { asked: Asked }) {
  const { title, label, hint, value, act, command, run } = asked;
  const dialog = useRef<HTMLDialogElement>(null),
    field = useRef<HTMLInputElement>(null);
  const name = useSignal(value),
    busy = useSignal(false),
    problem = useSignal('');
  useLayoutEffect(() => {
    dialog.current!.showModal();
    field.current!.select();
  }, []);
  const close = (): void => {
    if (askedName.peek() === asked) askedName.value = undefined;
  };
  useClosedByBack(close);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    busy.value = true;
    problem.value = '';
    try {
      await run(name.value.trim());
      close();
    } catch (error) {
      problem.value = sentence(error);
    } finally {
      busy.value = false;
    }
  };
  return (
    <dialog
      class="palette namer"
      ref={dialog}
      aria-labelledby="namer-title"
      onClose={close}
      onClick={event => {
        if (event.target === dialog.current) close();
      }}
    >
      <form onSubmit={event => void submit(event)}>
        <h2 id="namer-title">{title}</h2>
        <label for="namer-name">{label}</label>
        <input
          id="namer-name"
          class="in"
          ref={field}
          value={name.value}
          spellcheck={false}
          autocomplete="off"
          onInput={event => {
            name.value = event.currentTarget.value;
          }}
        />
        <p class="cap-t">
          <Both command={command(name.value.trim())} />. {hint}
        </p>
        {problem.value && <Problem>{problem.value}</Problem>}
        <div class="row wrap">
          <span class="grow cap-t" role="status">
            {busy.value && words.busy}
          </span>
          <button type="button" class="btn" onClick={close}>
            {words.cancel}
          </button>
          <button class="btn primary" disabled={busy.value || name.value.trim() === ''}>
            {act}
          </button>
        </div>
      </form>
    </dialog>
  );
}
