/** What a guest left behind when it crashed: how it came to that, its registers, stack and last exits. Nothing moves any more. */

import '../inspect.css';
import './post-mortem.css';
import { useMemo } from 'preact/hooks';
import { addressText, exitTitle } from '../../../hypervisor/view/index.ts';
import { TOOLS_OF_TAB } from '../../parts/guest.tsx';
import type { DomainSession } from '../../sessions.ts';
import { inspector } from '../frame.tsx';
import { useMachine } from '../machine.ts';
import { stackOf } from '../vcpu-facts.ts';
import { Detail } from './detail.tsx';
import { about, type Data, registersOf, segmentRows, STACK_WORDS } from './facts.ts';
import { Figure } from './figure.tsx';
import { codeTable } from './last-code.tsx';
import { open } from './source.ts';
import { words } from './words.ts';

const EVERY_MS = 1000;

export const PostMortem = inspector<Data>({
  everyMs: EVERY_MS,
  needsMemory: true,
  nothing: words.nothing,
  report: words.report,
  open,
  Figure,
  Detail,
  // Next to the gate, where it is read.
  why: () => undefined,
  tables: ({ state, moments, lasts, vcpu, code }) => [
    ...(code ? [codeTable(code)] : []),
    {
      name: words.how,
      columns: ['Step', 'What', 'More'],
      rows: moments.map(({ head, name, text }) => [head, name, text]),
    },
    {
      name: words.exits,
      columns: words.columns,
      rows: lasts.map(exit => [
        exit.number + 1,
        addressText(exit.ip),
        exitTitle(exit.reason),
        about(state, exit, vcpu),
      ]),
    },
    {
      name: words.registers,
      columns: ['Register', 'Value'],
      rows: registersOf(state).map(([name, value]) => [name, value]),
    },
    { name: words.segments, columns: words.segmentColumns, rows: segmentRows(state) },
    {
      name: words.stack,
      columns: ['Offset', 'Word'],
      rows: stackOf(state, STACK_WORDS).map(({ at, text }) => [addressText(at, state.isLong), text]),
    },
  ],
});

/** The tab of a guest that has stopped. */
export function PostMortemPage({ session }: { session: DomainSession }) {
  const machine = useMachine();
  const target = useMemo(
    () => ({ session, ...(machine.value?.view ? { machine: machine.value.view } : {}) }),
    [session, machine.value],
  );
  return (
    <div class="inspect pmx">
      {machine.value && (
        <PostMortem
          key={session.id}
          target={target}
          name={`${session.info.value.name} post-mortem`}
          toolsIn={TOOLS_OF_TAB}
        />
      )}
    </div>
  );
}
