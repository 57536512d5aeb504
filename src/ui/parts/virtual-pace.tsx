/** Virtual time next to the clock: that it is so, how many inputs were noted, and how fast it goes. Loaded where a host is in virtual time. */

import { asTask, host, hostsLost } from '../host.ts';
import { strings } from '../strings.ts';
import { clock } from '../units.ts';
import { useAsked } from './asked.ts';

const words = {
  label: 'same inputs, same run',
  noted: (inputs: number) => `${inputs} ${inputs === 1 ? 'input' : 'inputs'} noted`,
  title:
    'This host runs in virtual time. An instruction takes 4 ns, whatever this computer does, and each input is noted at its virtual time: the same inputs make the same run again.',
  speed: 'Speed',
  stands: 'time stopped',
  full: 'full',
};
/** Virtual seconds in one of the wall's. */
const SPEEDS = [0.001, 0.01, 0.1, 0.5, 1, Infinity];
const spelled = (speed: number): string =>
  speed === Infinity ? words.full : speed === 1 ? '1 : 1' : `1 : ${1 / speed}`;
const EVERY_MS = 500;
/** Of its millisecond: a small kernel has booted after some hundred of them. */
const micros = (ns: number): string => String(Math.floor(ns / 1e3) % 1000).padStart(3, '0');

export function VirtualPace() {
  const now = useAsked(EVERY_MS, [hostsLost.value], () => host.time('now'));
  if (!now.value) return null;
  const { ns, inputs, speed, stands } = now.value;
  const at = Math.max(0, SPEEDS.indexOf(speed));
  const set = (index: number): void => {
    const wanted = SPEEDS[index]!;
    now.value = { ...now.value!, speed: wanted };
    void asTask(`time ${spelled(wanted)}`, () => host.time('setSpeed', wanted));
  };
  return (
    <>
      <div class="clock">
        <small>{strings.virtualTime}</small>
        {clock(ns)}
        <span class="hide-s"> {micros(ns)}</span>
      </div>
      <label class={`pace hide-s${stands ? ' stopped' : ''}`}>
        <span class="when-wide">{words.speed}</span>
        <input
          type="range"
          min={0}
          max={SPEEDS.length - 1}
          step={1}
          value={at}
          aria-label={words.speed}
          aria-valuetext={spelled(speed)}
          style={`--part:${(100 * at) / (SPEEDS.length - 1)}%`}
          onInput={event => set(Number(event.currentTarget.value))}
        />
        <span class="m">{stands ? words.stands : spelled(speed)}</span>
      </label>
      <div class="clock" title={words.title} data-testid="virtual-time">
        <small>{words.label}</small>
        <span class="plain">{words.noted(inputs)}</span>
      </div>
    </>
  );
}
