/** One exit taken apart: whose it was, its code, its qualification bit by bit, and who handled it. */

import type { ComponentChildren } from 'preact';
import { exitTitle } from '../../../hypervisor/view/index.ts';
import { ownerClass } from '../../parts/marks.tsx';
import { stampOf } from './facts.ts';
import { BitTable } from '../bit-table.tsx';
import { Code } from '../code.tsx';
import { type Deed, type Explained, explainExit, wayOf } from '../explain.ts';
import type { Target } from '../inspector.ts';
import type { SeenExit } from './log.ts';
import { instructionOf, stateOf, symbolOf } from './source.ts';
import { callText, hypervisorWords, keptOf, numberOf, words } from './words.ts';
import { modelPlace } from '../../../hypervisor/interfaces/xen/view/index.ts';

export const HandledBy = ({ deeds }: { deeds: readonly Deed[] }) => (
  <ol class="hway">
    {deeds.map(([who, does, code]) => (
      <li key={does}>
        <b>{who}</b> {does}
        {code && (
          <>
            {' '}
            <code>{code}</code>
          </>
        )}
      </li>
    ))}
  </ol>
);

/** An exit: whose it was, its code, its qualification bit by bit; `withWay`: who handles it, one after the other. */
export function ExitCard({
  reason,
  exit,
  target,
  name,
  isLast = true,
  withWay = false,
  withCode = true,
  steps,
}: {
  reason: number;
  exit: SeenExit | undefined;
  target: Target;
  name: string;
  isLast?: boolean;
  withWay?: boolean;
  withCode?: boolean;
  steps?: ComponentChildren;
}) {
  const state = exit && stateOf(target, exit),
    { fields } = explainExit(exit ?? { reason, qualification: 0 }),
    length = withWay && exit ? instructionOf(target, exit).length : 0;
  const facts = exit
      ? [
          ...(exit.call ? [callText(exit.call.number, exit.call.first)] : []),
          ...keptOf(exit),
          ...(length > 0 ? [words.bytesLong(length)] : []),
        ]
      : [],
    after = fields.length > 0 ? 1 : 2;
  return (
    <>
      <Heading
        reason={reason}
        exit={exit}
        began={exit && stampOf(exit, { isHost: !target.session })}
        name={name}
        isLast={isLast}
        steps={steps}
      />
      {withCode && exit && state && (
        <div class={withWay ? 'exc' : ''} title={words.codeNow}>
          <Code
            state={state}
            eip={exit.ip}
            name={address => symbolOf(target, { ...exit, ip: address })}
            says={words.exit}
            before={withWay ? 2 : 3}
            after={withWay ? after : 3}
          />
          {withWay && facts.length > 0 && (
            <p class="m sec facts">
              {facts.map(each => (
                <span key={each}>{each}</span>
              ))}
            </p>
          )}
          {!withWay && <p class="cap-t under">{words.codeNow}</p>}
        </div>
      )}
      {exit && fields.length > 0 && <Qualification value={exit.qualification} fields={fields} />}
      {withWay && exit && (
        <section>
          <h4>
            {words.way} <span class="sec">{hypervisorWords().wayHint}</span>
          </h4>
          <HandledBy deeds={wayOf(exit, modelPlace(target.machine?.domain(exit.domain)))} />
        </section>
      )}
    </>
  );
}

/** Which exit, and whose and when it was. */
const Heading = ({
  reason,
  exit,
  began,
  name,
  isLast,
  steps,
}: {
  reason: number;
  exit: SeenExit | undefined;
  /** When, in words. */
  began: string | undefined;
  name: string;
  isLast: boolean;
  steps: ComponentChildren;
}) => (
  <div>
    <div class="row exn">
      <h3 class="grow">
        {numberOf(reason)} {exitTitle(reason)}
      </h3>
      {steps}
    </div>
    {exit ? (
      <p class={`sec ${ownerClass(exit.domain)}`}>
        <b class="dom">
          {name} v{exit.vcpu}
        </b>{' '}
        {isLast ? words.last : began === undefined ? words.beforeOpened : ''}
        {began === undefined ? '' : `${isLast ? ',' : ''} at ${began}`}
      </p>
    ) : (
      <p class="sec">{words.noLast}</p>
    )}
  </div>
);

const Qualification = ({ value, fields }: { value: number } & Pick<Explained, 'fields'>) => (
  <section>
    <h4>{words.qualification(value)}</h4>
    <BitTable rows={fields} />
  </section>
);
