/** A source in nasm's language as a field, each line with its address and bytes, and what is wrong with it. */

import { useRef } from 'preact/hooks';
import type { Made } from '../sectors.ts';
import { viewStrings } from '../view-strings.ts';
import { putCursor } from '../typing.ts';
import { Tag } from './marks.tsx';
import { SourceField } from './source-field.tsx';

const words = viewStrings.bootSectors;
/** Bytes of a line that the listing shows. */
const SHOWN_BYTES = 6;

interface Props {
  label: string;
  text: string;
  /** What this text has become; undefined: it is not known yet. */
  made: Made | undefined;
  onType(text: string): void;
}

export function SourceText({ label, text, made, onType }: Props) {
  const field = useRef<HTMLTextAreaElement>(null);
  const lines = text.replace(/\r\n?/g, '\n').split('\n');
  const problems = made?.problems ?? [];
  const pieces = new Map(made?.pieces.map(piece => [piece.line, piece]));
  const wrong = new Map(problems.map(problem => [problem.line, problem]));
  const width = Math.max(...lines.map(line => line.length)) + 2;
  const goTo = (line: number, column: number): void => putCursor(field.current, lines, line, column);
  return (
    <div class="src">
      <div class="src-s">
        <div class="src-b">
          <ol class="src-n" aria-hidden="true">
            {lines.map((_, i) => (
              <li key={i} class={wrong.has(i + 1) ? 'bad' : ''}>
                {i + 1}
              </li>
            ))}
          </ol>
          <ol class="src-l" aria-label={words.listing}>
            {lines.map((_, i) => {
              const piece = made && pieces.get(i + 1);
              return (
                <li key={i}>
                  {piece && (
                    <>
                      <span>{(made.origin + piece.offset).toString(16).padStart(4, '0')}</span>{' '}
                      {hex(made.bytes, piece.offset, piece.length)}
                    </>
                  )}
                </li>
              );
            })}
          </ol>
          <div class="src-f">
            <div style={`width:max(100%,${width}ch)`}>
              <pre aria-hidden="true">
                {lines.map((line, i) => (
                  <Line key={i} text={line} column={wrong.get(i + 1)?.column} />
                ))}
              </pre>
              <SourceField
                field={field}
                text={text}
                rows={lines.length}
                label={label}
                describedBy="source-told"
                onType={onType}
              />
            </div>
          </div>
        </div>
      </div>
      <ul class="src-m" id="source-told" aria-live="polite">
        {problems.map(({ line, column, message }, i) => (
          <li key={i}>
            <button class="btn quiet sm m" aria-label={words.goTo(line, column)} onClick={() => goTo(line, column)}>
              {line}:{column}
            </button>
            <Tag kind="error">
              <span>{message}</span>
            </Tag>
          </li>
        ))}
      </ul>
    </div>
  );
}

function hex(bytes: Uint8Array, offset: number, length: number): string {
  const shown = [...bytes.subarray(offset, offset + Math.min(length, SHOWN_BYTES))]
    .map(byte => byte.toString(16).padStart(2, '0'))
    .join('');
  return length > SHOWN_BYTES ? `${shown}…` : shown;
}

/** A label in bold, a comment dim, the place of a mistake underlined. */
function Line({ text, column }: { text: string; column: number | undefined }) {
  // A semicolon in quotes begins no comment.
  const code = /^(?:[^;'"`]|'[^']*'?|"[^"]*"?|`[^`]*`?)*/.exec(text)![0].length;
  const labelled = column === undefined ? (/^[\w.$?@~#]+:/.exec(text)?.[0].length ?? 0) : 0;
  const from = column === undefined ? code : Math.min(column - 1, code),
    to = column === undefined ? code : Math.min(code, from + (/^(\w+|.)/.exec(text.slice(from))?.[0].length ?? 0));
  return (
    <span class="ln">
      <b>{text.slice(0, labelled)}</b>
      {text.slice(labelled, from)}
      <span class="bad-at">{text.slice(from, to)}</span>
      {text.slice(to, code)}
      <span class="dim">{text.slice(code)}</span>
      {'\n'}
    </span>
  );
}
