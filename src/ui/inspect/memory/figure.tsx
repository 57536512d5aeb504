/** The map with the chosen MiB's frames, and below it the walk of an address. */

import { useSignal } from '@preact/signals';
import { addressText, type FrameState } from '../../../hypervisor/view/index.ts';
import { TypedInput } from '../../parts/typed.tsx';
import { followed } from '../followed.ts';
import type { Shown } from '../inspector.ts';
import { Detail, view } from './detail.tsx';
import { chosenCell, countsOf, type Data, FRAMES, type Kind, kindOf, KINDS, shownStep } from './facts.ts';
import { MemoryMap } from './map.tsx';
import { classOf, ownerName } from './owners.ts';
import { partsOf, type Step, TABLES, type Walk } from './walk.ts';
import { hypervisorWords, words } from './words.ts';

export function Figure(shown: Shown<Data>) {
  const { data, choose, chosen } = shown,
    { machine, walk } = data,
    cell = Math.min(chosenCell(shown), data.cells.length - 1),
    end = walk?.steps.at(-1)?.key;
  const frames = Array.from({ length: FRAMES }, (_, i) => machine.frame(cell * FRAMES + i)).filter(
    (each): each is FrameState => each !== undefined,
  );
  const kinds = frames.map(frame => kindOf(frame, data)),
    counts = view.value === 'owner' ? undefined : countsOf(data, view.value);
  return (
    <div class="mem">
      <div class="memw">
        <MemoryMap data={data} choose={choose} cell={cell} counts={counts} />
        <div class="strip-f">
          <b class="m">{cell} M</b>
          <div class="frames" role="group" aria-label={words.frames(cell * FRAMES)}>
            {frames.map((frame, i) => (
              <button
                key={frame.mfn}
                tabIndex={-1}
                class={`fr ${kinds[i]} ${classOf(frame.owner)}${`f${frame.mfn}` === end ? ' end' : ''}${`f${frame.mfn}` === chosen ? ' on' : ''}`}
                aria-label={`${words.frame(frame.mfn)}, ${ownerName(frame.owner)}`}
                onClick={() => choose(`f${frame.mfn}`)}
              />
            ))}
          </div>
        </div>
        <Legend data={data} cell={cell} frames={frames} kinds={kinds} counts={counts} />
      </div>
      <div class="idet">
        <Detail {...shown} />
      </div>
      <WalkOfAddress {...shown} />
    </div>
  );
}

/** What frames of the chosen MiB are seen to be, and how many frames the map's view is about. */
function Legend({
  data: { cells, walk },
  cell,
  frames,
  kinds,
  counts,
}: {
  data: Data;
  cell: number;
  frames: readonly FrameState[];
  kinds: readonly Kind[];
  counts: Uint16Array | undefined;
}) {
  const { owner: most } = cells[cell]!,
    end = walk?.steps.at(-1)?.key;
  return (
    <div class="legend">
      <span>{words.frames(cell * FRAMES)}</span>
      {KINDS.filter(([kind]) => kinds.includes(kind)).map(([kind, name]) => (
        <span key={name}>
          <i class={`fr ${kind} ${classOf(most)}`} />
          {name}
        </span>
      ))}
      {[...new Set(frames.map(({ owner }) => owner))]
        .filter(owner => owner !== most)
        .map(owner => (
          <span key={owner}>
            <i class={`fr ${classOf(owner)}`} />
            {ownerName(owner)}
          </span>
        ))}
      {frames.some(({ mfn }) => `f${mfn}` === end) && (
        <span>
          <i class="fr end" />
          {words.ends}
        </span>
      )}
      {counts && (
        <span class="b">
          {words.shade(
            view.value === 'tables' ? words.counted.tables(walk?.name ?? '–') : words.counted[view.value as 'code'],
            counts.reduce((sum, n) => sum + n, 0),
            Math.max(...counts),
          )}
        </span>
      )}
    </div>
  );
}

/** An address that somebody wrote, or that of the next instruction: its parts, and where each of them leads. */
function WalkOfAddress(shown: Shown<Data>) {
  const { walk } = shown.data,
    problem = useSignal('');
  const follow = (text: string): void => {
    if (text.trim() !== '' && !/^(0x)?[0-9a-f]{1,8}$/i.test(text.trim())) {
      problem.value = words.wrong;
      return;
    }
    problem.value = '';
    followed.value = text.trim();
  };
  return (
    <section class="walkp">
      <div class="row wrap">
        <h3>{words.walk}</h3>
        {walk ? (
          <>
            <label class="in s">
              <TypedInput
                type="text"
                aria-label={words.linear}
                placeholder={addressText(walk.linear)}
                value={followed.value}
                commit={follow}
              />
              <span class="u">
                {words.linear} {words.of(walk.name, walk.vcpu)}
              </span>
            </label>
            <span class="sec">
              {walk.mode}
              {walk.mode === words.paging.off
                ? ''
                : walk.namesFrames
                  ? hypervisorWords().after.pv
                  : walk.shadow
                    ? hypervisorWords().after.shadow
                    : hypervisorWords().after.hvm}
            </span>
            <span class="grow" />
            <span class="sec">{walk.cost}</span>
          </>
        ) : (
          <span class="sec">{words.noGuest}</span>
        )}
        {problem.value && (
          <span class="tag bad" role="alert">
            {problem.value}
          </span>
        )}
      </div>
      {walk && <Parts walk={walk} />}
      {walk?.shadow && <h4>{hypervisorWords().guestWay}</h4>}
      {walk && <StepsOfWalk steps={walk.steps} chosen={shownStep(shown)?.key} choose={shown.choose} />}
      {walk?.shadow && (
        <>
          <h4>{hypervisorWords().shadow}</h4>
          <StepsOfWalk steps={walk.shadow} chosen={shownStep(shown)?.key} choose={shown.choose} />
          <p class="cap-t">{words.shadowHint}</p>
        </>
      )}
    </section>
  );
}

const Parts = ({ walk }: { walk: Walk }) => (
  <ol class={`lin ${walk.steps[0]!.owner}`} aria-label={words.linear}>
    {partsOf(walk).map(({ name, bits, value }) => (
      <li key={name} style={`flex:${bits} 1 0`}>
        <b>0x{value.toString(16).padStart(Math.ceil(bits / 4), '0')}</b>{' '}
        <span>
          {TABLES[name] ?? name}, {words.bits(bits)}
        </span>
      </li>
    ))}
  </ol>
);

const StepsOfWalk = ({
  steps,
  chosen,
  choose,
}: {
  steps: readonly Step[];
  chosen: string | undefined;
  choose: (key: string) => void;
}) => (
  <ol class="walk">
    {steps.map((step, i) => (
      <li
        key={step.key}
        class={`${step.owner}${step.isFault ? ' fault' : ''}${i === steps.length - 1 && !step.isFault ? ' last' : ''}${chosen === step.key ? ' on' : ''}`}
      >
        <button class="pickrow" aria-pressed={chosen === step.key} onClick={() => choose(step.key)}>
          <small>{step.title}</small>
          <b>{step.value}</b>
          <span>{step.says}</span>
        </button>
      </li>
    ))}
  </ol>
);
