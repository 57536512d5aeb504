/** A field whose value follows the machine, but not while somebody writes in it. */

import { useSignal } from '@preact/signals';
import type { AllHTMLAttributes } from 'preact';

type Attributes = Pick<
  AllHTMLAttributes,
  | 'id'
  | 'class'
  | 'list'
  | 'placeholder'
  | 'title'
  | 'disabled'
  | 'spellcheck'
  | 'autocomplete'
  | 'min'
  | 'max'
  | 'aria-label'
  | 'aria-invalid'
>;

interface Props extends Attributes {
  type?: 'text' | 'number';
  /** What is so. */
  value: string | number;
  /** What was written, when it is entered or left. */
  commit(written: string): void;
}

/** Each look at the machine draws a field again: what is being written would be overwritten with the old value. */
export function TypedInput({ value, commit, ...others }: Props) {
  const typed = useSignal<string | undefined>(undefined);
  return (
    <input
      {...others}
      value={typed.value ?? value}
      onInput={event => {
        typed.value = event.currentTarget.value;
      }}
      onChange={event => {
        typed.value = undefined;
        commit(event.currentTarget.value);
      }}
      onBlur={() => {
        typed.value = undefined;
      }}
    />
  );
}

/** The same for text of several lines. */
export function Notes({
  value,
  commit,
  ...others
}: Pick<Attributes, 'id' | 'placeholder' | 'aria-label'> & { value: string; commit(written: string): void }) {
  const typed = useSignal<string | undefined>(undefined);
  const shown = typed.value ?? value;
  return (
    <textarea
      {...others}
      class="in notes"
      rows={Math.min(8, Math.max(1, shown.split('\n').length))}
      value={shown}
      onInput={event => {
        typed.value = event.currentTarget.value;
      }}
      onChange={event => {
        typed.value = undefined;
        if (event.currentTarget.value !== value) commit(event.currentTarget.value);
      }}
      onBlur={() => {
        typed.value = undefined;
      }}
    />
  );
}
