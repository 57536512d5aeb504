/** Next to the tables: the exit that was chosen, taken apart, and what it cost. */

import { exitWords } from '../explained/index.ts';
import { nameOf } from '../../host.ts';
import { ownerClass } from '../../parts/marks.tsx';
import { answererOf } from '../explain.ts';
import type { Shown } from '../inspector.ts';
import { type Cost, costOf, likeIt, meanOf, ofReason } from './cost.ts';
import { choiceOf, type Data, viewOf } from './facts.ts';
import { ExitCard } from './exit-card.tsx';
import { type SeenExit, subjectOf } from './log.ts';
import { filter } from './source.ts';
import { aboutOf, words } from './words.ts';
import { modelPlace } from '../../../hypervisor/interfaces/xen/view/index.ts';

export function Detail(shown: Shown<Data>) {
  const { hypercall, reason, exit, isLast } = choiceOf(shown, filter.value),
    { target, data, choose } = shown;
  if (hypercall !== undefined)
    return (
      <div>
        <h3>{exitWords().callName(hypercall)}</h3>
        <p class="sec">
          {words.call} {hypercall}
        </p>
      </div>
    );
  if (reason === undefined) return null;
  const { log, reasons } = viewOf(data, filter.value),
    at = log.findIndex(({ key }) => key === exit?.key),
    own = likeIt(data, exit),
    of = meanOf(exit, own, ofReason(reasons, reason)),
    earlier = at < 0 ? undefined : log[at + 1],
    later = at < 0 ? undefined : log[at - 1];
  const step = (to: SeenExit | undefined, says: string, hint: string) => (
    <button class="btn sm" disabled={!to} title={hint} onClick={() => to && choose(to.key)}>
      {says}
    </button>
  );
  return (
    <>
      <ExitCard
        reason={reason}
        exit={exit}
        target={target}
        name={exit ? nameOf(exit.domain) : ''}
        isLast={isLast ?? false}
        withWay
        steps={
          <span class="row">
            {step(earlier, words.previous, words.previousHint)}
            {step(later, words.next, words.nextHint)}
          </span>
        }
      />
      <CostBar
        cost={costOf(
          exit,
          of,
          of === own && exit && subjectOf(exit) !== undefined ? aboutOf(exit) : undefined,
          data.stepNs,
          exit && answererOf(exit, modelPlace(target.machine?.domain(exit.domain))),
        )}
        owner={exit && ownerClass(exit.domain)}
      />
    </>
  );
}

/** What it cost, as a bar in parts that add up. */
const CostBar = ({ cost: { title, parts, caption }, owner }: { cost: Cost; owner: string | undefined }) => (
  <section class={parts.length > 0 ? owner : undefined}>
    <h4>{title}</h4>
    {parts.length > 0 && (
      <>
        <div class="cbar">
          {parts.map(({ name, share, kind }) => (
            <i key={name} class={kind} style={`flex:${share} 1 0`} />
          ))}
        </div>
        <dl class="cparts">
          {parts.map(({ name, text, kind }) => (
            <div key={name}>
              <dt>
                <i class={kind} />
                {name}
              </dt>
              <dd class="m">{text}</dd>
            </div>
          ))}
        </dl>
      </>
    )}
    {caption && <p class="cap-t">{caption}</p>}
  </section>
);
