/** A comparison that one starts: its title, a button that starts and cancels it, how far it is, why it ended, and below what it has found. */
import type { ComponentChildren } from 'preact';
import { Problem, Tag } from '../parts/marks.tsx';

interface Props {
  words: { title: string; run: string; again: string; cancel: string; cancelled: string; next: string };
  lede: string;
  /** What is chosen before it. */
  choice?: ComponentChildren;
  /** How far it is; nothing: it does not run. */
  progress: ComponentChildren;
  /** It was measured before. */
  isAgain: boolean;
  problem: string | undefined;
  isCancelled: boolean | undefined;
  start(): void;
  cancel(): void;
  children: ComponentChildren;
}

export const MeasuredRun = ({
  words,
  lede,
  choice,
  progress,
  isAgain,
  problem,
  isCancelled,
  start,
  cancel,
  children,
}: Props) => (
  <>
    <div class="wyh">
      <div>
        <h2>{words.title}</h2>
        <p class="sec">{lede}</p>
      </div>
      <div class="row wrap">
        {choice}
        {progress ? (
          <button class="btn" onClick={cancel}>
            {words.cancel}
          </button>
        ) : (
          <button class="btn primary" onClick={start}>
            {isAgain ? words.again : words.run}
          </button>
        )}
      </div>
    </div>
    <div role="status" class="wyp">
      {progress || (isCancelled && <Tag kind="ignored">{words.cancelled}</Tag>)}
    </div>
    {problem && (
      <Problem>
        {problem} {words.next}
      </Problem>
    )}
    {children}
  </>
);
