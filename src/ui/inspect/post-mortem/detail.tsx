/** The last exit and who handled it, what is kept of the guest, and how it would be in reality. */

import { ExitReason, registers as R } from '../../../cpu/architecture/index.ts';
import { addressText, exitTitle, type LastExit, type VcpuState } from '../../../hypervisor/view/index.ts';
import { go } from '../../navigation.ts';
import { ownerClass } from '../../parts/marks.tsx';
import type { DomainSession } from '../../sessions.ts';
import { instructionAt } from '../disassembly.ts';
import { ExitCard, HandledBy } from '../exits/exit-card.tsx';
import { type Deed, wayOf } from '../explain.ts';
import type { Shown } from '../inspector.ts';
import { type Data, hex } from './facts.ts';
import { hypervisorWords, words } from './words.ts';

export function Detail({
  data: {
    lasts: [last],
    exits,
    vcpu,
    state,
    moments,
    code,
    io,
  },
  target,
}: Shown<Data>) {
  const session = target.session!,
    { name, memoryMiB } = session.info.value,
    isTriple = last?.reason === ExitReason.TRIPLE_FAULT,
    { shutdown, triple, crash } = hypervisorWords();
  return (
    <>
      {isTriple ? (
        <TripleFault last={last} exits={exits} io={io} state={state} id={session.id} name={`${name} v${vcpu}`} />
      ) : (
        last && (
          <ExitCard
            reason={last.reason}
            exit={{ key: '', domain: session.id, vcpu, ...last }}
            target={target}
            name={name}
            withCode={false}
          />
        )
      )}
      {last && !isTriple && shutdown && moments.some(({ head }) => head === words.called) && (
        <Handler steps={shutdown.handled} />
      )}
      <Kept session={session} retired={state.retired} exits={exits} memoryMiB={memoryMiB} />
      <p class="pm-real">
        <b>{words.reality}</b>{' '}
        {isTriple ? (
          <>
            {triple.before} <code>{triple.code}</code> {triple.after}
          </>
        ) : (
          crash
        )}
        {code && ` ${words.codeReality}`}
      </p>
    </>
  );
}

/** What of it can be looked at still, and where. */
function Kept({
  session: { id },
  retired,
  exits,
  memoryMiB,
}: {
  session: DomainSession;
  retired: number;
  exits: number;
  memoryMiB: number;
}) {
  const kept = [
    [words.memory, words.frames(memoryMiB), 'memory'],
    [words.processor, words.retired(retired), 'processor'],
    [words.log, words.counted(exits), 'exits'],
  ] as const;
  return (
    <section>
      <h4>{words.kept}</h4>
      <table class="bitst pm-kept">
        <tbody>
          {kept.map(([what, how, inspect]) => (
            <tr key={what}>
              <td>{what}</td>
              <td class="m num">{how}</td>
              <td>
                <button
                  class="link"
                  aria-label={`${words.open} ${what}`}
                  onClick={() => go({ kind: 'domain', id: id, tab: 'inspect', name: inspect })}
                >
                  {words.open}
                </button>
              </td>
            </tr>
          ))}
          <tr>
            <td>{words.console}</td>
            <td class="num">{words.asLast}</td>
            <td>
              <button
                class="link"
                aria-label={`${words.open} ${words.console}`}
                onClick={() => go({ kind: 'domain', id: id, tab: 'console' })}
              >
                {words.open}
              </button>
            </td>
          </tr>
        </tbody>
      </table>
    </section>
  );
}

/** What the last exit was about, and who did what about it. */
function TripleFault({
  last,
  exits,
  io,
  state,
  id,
  name,
}: {
  last: LastExit;
  exits: number;
  io: number;
  state: VcpuState;
  id: number;
  name: string;
}) {
  const length = instructionAt(state, last.ip)?.length ?? 0,
    bytes = [...state.bytesAt(state.linear(R.CS, last.ip), length)].map(byte => hex(byte, 2)).join(' ');
  const facts = [
    [words.exitFacts[0], `${last.reason} ${exitTitle(last.reason)}`],
    [words.exitFacts[1], `${last.qualification}${last.qualification === 0 ? words.notUsed : ''}`],
    [words.exitFacts[2], addressText(last.ip)],
    [words.exitFacts[3], words.bytes(length, bytes)],
    [words.exitFacts[4], words.before(exits - 1, io)],
  ] as const;
  return (
    <>
      <div>
        <h3>
          {last.reason} {exitTitle(last.reason)}
        </h3>
        <p class={`sec ${ownerClass(id)}`}>
          <b class="dom">{name}</b> {words.itsLast}
        </p>
      </div>
      <section>
        <h4>{words.lastExit}</h4>
        <dl class="kv">
          {facts.map(([what, how]) => (
            <>
              <dt>{what}</dt>
              <dd>{how}</dd>
            </>
          ))}
        </dl>
      </section>
      <Handler steps={wayOf(last)} />
    </>
  );
}

const Handler = ({ steps }: { steps: readonly Deed[] }) => (
  <section>
    <h4>{words.handler}</h4>
    <HandledBy deeds={steps} />
  </section>
);
