/** Decisions in the picture as rows, around the one that is explained. */

import type { Decision } from '../../../hypervisor/view/index.ts';
import { ownerClass } from '../../parts/marks.tsx';
import { signed } from '../../units.ts';
import type { Shown } from '../inspector.ts';
import { PRIORITIES } from '../runs.ts';
import { type Data, keyOf, pickedOf, switchesOf } from './facts.ts';
import { reasonOf, schedulerWords, words } from './words.ts';

const ROWS = 60,
  /** Decisions above the marked one in the table. */
  ABOVE = 1;

export function Decisions(shown: Shown<Data>) {
  const { data, choose } = shown,
    picked = pickedOf(shown),
    pickedKey = picked && keyOf(picked),
    switches = switchesOf(data),
    at = picked ? switches.indexOf(picked) : -1,
    first = Math.max(0, at - ABOVE),
    rows = switches.slice(first, first + ROWS);
  const Step = ({ to, says }: { to: Decision | undefined; says: string }) => (
    <button class="btn sm" disabled={!to} onClick={() => to && choose(keyOf(to))}>
      {says}
    </button>
  );
  return (
    <>
      <div class="ph">
        <h3>{words.log}</h3>
        <span class="sec">{words.newest}</span>
        <span class="grow" />
        <Step to={switches[at - 1]} says={words.previous} />
        <Step to={switches[at + 1]} says={words.next} />
      </div>
      {rows.length === 0 ? (
        <p class="hint">{words.noSwitch}</p>
      ) : (
        <div class="rest">
          <div class="wide rows">
            <table class="pad picks decided">
              <thead>
                <tr>
                  <th class="num">{words.at}</th>
                  <th>{words.where}</th>
                  <th>{words.change}</th>
                  {schedulerWords().hasCredit && (
                    <>
                      <th>{words.priority}</th>
                      <th class="num">{words.credit}</th>
                    </>
                  )}
                  <th>{words.reason}</th>
                </tr>
              </thead>
              <tbody>
                {rows.map(each => (
                  <Row
                    key={keyOf(each)}
                    data={data}
                    decision={each}
                    isOn={keyOf(each) === pickedKey}
                    choose={() => choose(keyOf(each))}
                  />
                ))}
              </tbody>
            </table>
          </div>
        </div>
      )}
    </>
  );
}

function Row({
  data: { units, fromNs },
  decision,
  isOn,
  choose,
}: {
  data: Data;
  decision: Decision;
  isOn: boolean;
  choose: () => void;
}) {
  const { timeNs, pcpu, from, to, priority, credit } = decision;
  const unitClass = (unit: number): string => ownerClass(Math.max(0, units.find(each => each.unit === unit)?.id ?? 0)),
    nameAt = (unit: number): string => (unit < 0 ? words.idle : (units.find(each => each.unit === unit)?.name ?? '?'));
  return (
    <tr class={isOn ? 'sel' : ''} onClick={choose}>
      <td class="m num">{((timeNs - fromNs) / 1e6).toFixed(1)}</td>
      <td class="nw">{words.pcpu(pcpu)}</td>
      <td class="nw">
        <button class="pickrow" aria-pressed={isOn} onClick={choose}>
          <span class={from < 0 ? 'sec' : `dom ${unitClass(from)}`}>{nameAt(from)}</span> →{' '}
          <span class={to < 0 ? 'sec' : `dom ${unitClass(to)}`}>{nameAt(to)}</span>
        </button>
      </td>
      {schedulerWords().hasCredit && (
        <>
          <td class="nw">
            {to < 0 ? (
              '–'
            ) : (
              <>
                <i class="mk">{PRIORITIES[priority]?.[0]}</i> {PRIORITIES[priority]}
              </>
            )}
          </td>
          <td class="m num">{to < 0 ? '–' : signed(credit)}</td>
        </>
      )}
      <td class="sec why-td">{reasonOf(decision, nameAt)}</td>
    </tr>
  );
}
