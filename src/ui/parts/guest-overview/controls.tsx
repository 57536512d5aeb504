/** What changes a guest: buttons that name their command, and sliders that follow what is so. */

import type { CommandValue, Line } from '../../../dom0/toolstack/hypervisors/command/index.ts';
import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { reportProblem } from '../../host.ts';
import { Tag } from '../marks.tsx';
import { TypedInput } from '../typed.tsx';
import { words } from './words.ts';
import { spelled } from '../../hypervisors/spelled.ts';

/** Does something under the name of its command, and looks at the guest again. */
export type Act = (command: CommandValue | Line, work: () => Promise<unknown>) => void;

export const Do = ({
  command,
  disabled,
  onClick,
  children,
}: {
  command: CommandValue | Line;
  disabled?: boolean;
  onClick(): void;
  children: ComponentChildren;
}) => (
  <button
    class="btn sm"
    title={spelled(command)}
    aria-label={typeof children === 'string' ? `${children}: ${spelled(command)}` : undefined}
    disabled={disabled}
    onClick={onClick}
  >
    {children}
  </button>
);

interface LiveProps {
  label: string;
  value: number;
  least: number;
  most: number;
  /** What the field takes, where that is more. */
  top?: number;
  unit?: string;
  /** What 0 is called. */
  zero?: string;
  hint: string;
  off: boolean;
  command(to: number): CommandValue;
  run(to: number): Promise<unknown>;
  act: Act;
}

/** A slider with a field next to it: it follows what is so, and does its command when it is let go. */
export function Live({ label, value, least, most, top = most, unit, zero, hint, off, command, run, act }: LiveProps) {
  const draft = useSignal<number | undefined>(undefined);
  const refused = useSignal<string | undefined>(undefined);
  const at = draft.value ?? value;
  const done = (to: number) => {
    draft.value = refused.value = undefined;
    if (to === value) return;
    if (Number.isInteger(to) && to >= least && to <= top) return act(command(to), () => run(to));
    refused.value = words.range(label, to, value, least, top);
    reportProblem(command(to), refused.value);
  };
  const id = `live-${label.replace(/\W/g, '')}`;
  return (
    <div class="live">
      <label for={id}>{label}</label>
      <input
        type="range"
        id={id}
        min={least}
        max={most}
        step={1}
        value={Math.min(most, at)}
        disabled={off}
        aria-valuetext={at === 0 && zero ? zero : `${at}${unit ? ` ${unit}` : ''}`}
        style={`--part:${most > least ? (100 * (Math.min(most, at) - least)) / (most - least) : 0}%`}
        onInput={event => {
          draft.value = Number(event.currentTarget.value);
        }}
        onChange={event => done(Number(event.currentTarget.value))}
      />
      <TypedInput
        type="number"
        class="in"
        aria-label={label}
        min={least}
        max={top}
        value={at}
        disabled={off}
        commit={written => done(written === '' ? value : Number(written))}
      />
      <span class="unit">{at === 0 && zero ? zero : unit}</span>
      {refused.value ? (
        <span class="cap-t stop" role="alert">
          <Tag kind="failed">
            <span>{refused.value}</span>
          </Tag>
        </span>
      ) : (
        <span class="cap-t">
          {hint} {!off && <code>{spelled(command(at))}</code>}
        </span>
      )}
    </div>
  );
}
