/** The last exit of a kind, or what a hypercall is for, next to a guest's console. */

import { exitWords } from './explained/index.ts';
import './inspect.css';
import type { DomainSession } from '../sessions.ts';
import { ExitCard } from './exits/exit-card.tsx';
import { explainExit, explainHypercall } from './explain.ts';
import { WhyBox } from './frame.tsx';
import { useMachine } from './machine.ts';

const words = { calls: (count: number) => `${count} of them so far.` };

/** `reason` or `hypercall`; drawn again whenever the counters were read. */
export function LastExit({
  session,
  reason,
  hypercall,
}: {
  session: DomainSession;
  reason?: number;
  hypercall?: number;
}) {
  const machine = useMachine().value;
  const sample = session.sample.value;
  if (hypercall !== undefined)
    return (
      <div class="lastx">
        <h3>{exitWords().callName(hypercall)}</h3>
        <p class="sec">{words.calls(sample?.hypercalls[hypercall] ?? 0)}</p>
        <WhyBox why={explainHypercall(hypercall)} />
      </div>
    );
  if (reason === undefined || !machine) return null;
  const vcpus = machine.view?.domain(session.id)?.vcpus() ?? [];
  const found = vcpus.flatMap(vcpu => {
    const exit = vcpu.lastExits().exits.findLast(each => each.reason === reason);
    return exit ? [{ key: '', domain: session.id, vcpu: vcpu.id, ...exit }] : [];
  });
  const last = found.find(({ vcpu }) => vcpus[vcpu]?.isCurrent) ?? found[0];
  const { why } = explainExit(last ?? { reason, qualification: 0 });
  return (
    <div class="lastx">
      <ExitCard
        reason={reason}
        exit={last}
        target={{ session, ...(machine.view ? { machine: machine.view } : {}) }}
        name={session.info.value.name}
      />
      <WhyBox why={why} />
    </div>
  );
}
