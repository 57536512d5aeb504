/** A change before it is made: what it is for xl, for virsh and in the document, when it is to count, and what would refuse it. */

import { type Signal, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { HardwareChange, Impact, Proposal } from '../../../dom0/service/index.ts';
import { host } from '../../host.ts';
import { sentence } from '../../sentence.ts';
import { Problem } from '../marks.tsx';
import { words } from './words.ts';

/** Somebody who types is not asked about each letter. */
const QUIET_MS = 150;

interface Props {
  name: string;
  change: HardwareChange;
  /** When it may count, the usual one first. */
  impacts: readonly Impact[];
  act: string;
  /** It was made. */
  done(): void;
  cancel?: (() => void) | undefined;
}

/** What is known of a change, asked again when it is another one; `asked` tells one from the next. */
function useProposal(name: string, change: HardwareChange, impact: Impact, problem: Signal<string>) {
  const proposal = useSignal<{ of: string; is: Proposal } | undefined>(undefined);
  const asked = JSON.stringify([change, impact]);
  useEffect(() => {
    let closed = false;
    problem.value = '';
    const timer = setTimeout(() => {
      host.consult('proposal', name, change, impact).then(
        is => {
          if (!closed) proposal.value = { of: asked, is };
        },
        error => {
          if (!closed) problem.value = sentence(error);
        },
      );
    }, QUIET_MS);
    return () => {
      closed = true;
      clearTimeout(timer);
    };
  }, [name, asked]);
  const known = proposal.value?.of === asked ? proposal.value.is : undefined;
  return { known, shown: known ?? proposal.value?.is };
}

export function Apply({ name, change, impacts, act, done, cancel }: Props) {
  const chosen = useSignal<Impact | undefined>(undefined),
    problem = useSignal(''),
    busy = useSignal(false);
  const impact = chosen.value !== undefined && impacts.includes(chosen.value) ? chosen.value : impacts[0]!;
  const { known, shown } = useProposal(name, change, impact, problem);
  const run = async (): Promise<void> => {
    busy.value = true;
    problem.value = '';
    try {
      await host.manage('hardware', name, change, impact);
      done();
    } catch (error) {
      problem.value = sentence(error);
    } finally {
      busy.value = false;
    }
  };
  const refused = problem.value || known?.problem;
  return (
    <section class="apply" aria-label={words.what}>
      {impacts.length > 1 && <Impacts impacts={impacts} chosen={impact} choose={to => (chosen.value = to)} />}
      {refused ? <Problem>{refused}</Problem> : <Words proposal={shown} />}
      <div class="row wrap">
        <span class="grow cap-t" role="status">
          {busy.value
            ? words.doing
            : !known && !refused
              ? words.asking
              : impacts.length > 1
                ? ''
                : words.impacts[impact]}
        </span>
        {cancel && (
          <button type="button" class="btn" onClick={cancel}>
            {words.cancel}
          </button>
        )}
        <button
          type="button"
          class="btn primary"
          disabled={busy.value || !known || known.problem !== undefined}
          onClick={() => void run()}
        >
          {act}
        </button>
      </div>
    </section>
  );
}

/** When it counts. */
const Impacts = ({
  impacts,
  chosen,
  choose,
}: {
  impacts: readonly Impact[];
  chosen: Impact;
  choose(impact: Impact): void;
}) => (
  <div class="seg" role="group" aria-label={words.impact}>
    {impacts.map(each => (
      <button key={each} type="button" aria-pressed={each === chosen} onClick={() => choose(each)}>
        {words.impacts[each]}
      </button>
    ))}
  </div>
);

/** The same thing in each one's words. */
function Words({ proposal }: { proposal: Proposal | undefined }) {
  if (!proposal) return null;
  const { xl, virsh, xml } = proposal;
  return (
    <dl class="says">
      {xl.length > 0 && (
        <>
          <dt>{words.inXl}</dt>
          <dd>
            <pre class="code" tabIndex={0}>
              {xl.join('\n')}
            </pre>
          </dd>
        </>
      )}
      <dt>{words.inVirsh}</dt>
      <dd>
        <pre class="code" tabIndex={0}>
          {virsh.join('\n')}
        </pre>
      </dd>
      {xml.before.length + xml.after.length > 0 && (
        <>
          <dt>{words.inXml}</dt>
          <dd>
            <pre class="code" tabIndex={0}>
              {xml.before.map(line => (
                <del key={line} aria-label={`${words.goes}: ${line.trim()}`}>
                  {`- ${line}\n`}
                </del>
              ))}
              {xml.after.map(line => (
                <ins key={line} aria-label={`${words.comes}: ${line.trim()}`}>
                  {`+ ${line}\n`}
                </ins>
              ))}
            </pre>
          </dd>
        </>
      )}
    </dl>
  );
}
