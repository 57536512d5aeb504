/** A text that is written, with the numbers of its lines next to it. */

import type { ComponentChildren, Ref } from 'preact';

/** Behind the longest line there is room for what is typed next. */
const SPARE_LETTERS = 4;

/** `children`: the field, as high as its lines. `wrongAt`: what is wrong with a line, which counts from 1. */
export const Numbered = ({
  lines,
  wrongAt,
  frame,
  children,
}: {
  lines: readonly string[];
  wrongAt?: (line: number) => string | undefined;
  frame?: Ref<HTMLDivElement>;
  children: ComponentChildren;
}) => (
  <div class="lcode" ref={frame ?? null}>
    <ol aria-hidden="true">
      {lines.map((_, i) => {
        const wrong = wrongAt?.(i + 1);
        return (
          <li key={i} class={wrong === undefined ? '' : 'wrong'} title={wrong}>
            {i + 1}
          </li>
        );
      })}
    </ol>
    <div class="lfield">
      <div style={`width:max(100%,${Math.max(...lines.map(line => line.length)) + SPARE_LETTERS}ch)`}>{children}</div>
    </div>
  </div>
);
