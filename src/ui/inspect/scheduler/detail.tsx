/** What each domain had of the picture, with sliders for its weight and cap. */

import { commandOf } from '../../../dom0/toolstack/hypervisors/command/index.ts';
import { asTask, host } from '../../host.ts';
import { Chip, ownerClass } from '../../parts/marks.tsx';
import type { Shown } from '../inspector.ts';
import type { Data } from './facts.ts';
import { lengthText, schedulerWords, words } from './words.ts';

export function Detail({ data }: Shown<Data>) {
  const { units, shares, fromNs, toNs } = data,
    own = schedulerWords(),
    span = toNs - fromNs;
  const set = (id: number, name: string, what: 'weight' | 'cap', to: number) =>
    void asTask(commandOf('sched-credit', name, { [what]: to }), () =>
      host['sched-credit']({ domain: id, [what]: to }),
    );
  return (
    <section class="shr">
      <h3>{own.shares}</h3>
      <p class="cap-t">{own.sharesHint}</p>
      {units
        .filter(({ id }) => id >= 0)
        .map(({ unit, id, name, weight, cap }) => {
          const { ran, byWeight } = shares.get(unit)!;
          return (
            <div key={unit} class={`one ${ownerClass(id)}`}>
              <div class="row">
                <b class="dom">
                  <Chip id={id} /> {name}
                </b>
                <span class="grow" />
                <span class="m">{lengthText(ran)}</span>
              </div>
              <div class="set">
                {(['weight', 'cap'] as const).map(what => (
                  <label key={what} class="sl2">
                    <span>{own[what]}</span>
                    <input
                      type="range"
                      aria-label={`${own[what]} ${name}`}
                      min={what === 'weight' ? 1 : 0}
                      max={what === 'weight' ? 1024 : 100}
                      value={what === 'weight' ? weight : cap}
                      style={`--part:${what === 'weight' ? weight / 10.24 : cap}%`}
                      onChange={event => set(id, name, what, Number(event.currentTarget.value))}
                    />
                    <span class="m">{what === 'cap' && cap === 0 ? words.none : what === 'cap' ? cap : weight}</span>
                  </label>
                ))}
              </div>
              <div class="bar pred">
                <i style={`width:${(100 * ran) / span}%`} />
                {byWeight !== undefined && <u style={`left:${(100 * byWeight) / span}%`} />}
              </div>
            </div>
          );
        })}
    </section>
  );
}
