/** The field of a text that is read line by line: what is next to or behind a line is its caller's. */
import type { Ref } from 'preact';

interface Props {
  field: Ref<HTMLTextAreaElement>;
  text: string;
  /** Lines of the text. */
  rows: number;
  label: string;
  /** Id of the element that tells what is wrong with it. */
  describedBy: string;
  onType(text: string): void;
  /** The cursor may have moved. */
  onMove?(field: HTMLTextAreaElement): void;
}

export const SourceField = ({ field, text, rows, label, describedBy: told, onType, onMove }: Props) => (
  <textarea
    ref={field}
    value={text}
    rows={rows}
    spellcheck={false}
    autocapitalize="off"
    autocomplete="off"
    wrap="off"
    aria-label={label}
    aria-describedby={told}
    onInput={event => onType(event.currentTarget.value)}
    onKeyUp={event => onMove?.(event.currentTarget)}
    onClick={event => onMove?.(event.currentTarget)}
  />
);
