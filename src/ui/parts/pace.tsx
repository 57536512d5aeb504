/** How fast the guests go on, where time is real: a slider in the header. Loaded behind the first prompt. */

import { living } from '../host.ts';
import { choosePace, exitsPerSecond, SPEEDS } from '../pace.ts';

const words = {
  speed: 'Speed',
  full: 'full',
  slowly: (exits: number) => `${exits} exit${exits === 1 ? '' : 's'}/s`,
  hint: 'VM exits a second of each guest; full: as fast as this computer goes',
};

export function Pace() {
  const speed = exitsPerSecond.value,
    at = SPEEDS.indexOf(speed),
    spelled = speed === Infinity ? words.full : words.slowly(speed);
  if (living.value.length === 0) return null;
  return (
    <label class="pace real" title={words.hint}>
      <span>{words.speed}</span>
      <input
        type="range"
        min={0}
        max={SPEEDS.length - 1}
        step={1}
        value={at}
        aria-label={words.speed}
        aria-valuetext={spelled}
        style={`--part:${(100 * at) / (SPEEDS.length - 1)}%`}
        onInput={event => choosePace(SPEEDS[Number(event.currentTarget.value)]!)}
      />
      <span class="m">{spelled}</span>
    </label>
  );
}
