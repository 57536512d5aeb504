/** The line between two regions: moved by pointer or arrow keys, put back by a double click (ARIA window splitter pattern). */

import { useEffect, useRef, useState } from 'preact/hooks';
import { sizes } from '../settings.ts';
import { strings } from '../strings.ts';

/** Regions that can be made wider or, the last one, higher: the custom property that says how much, which the style sheet has for each width, and its bounds in pixels. */
const REGIONS = {
  tree: { property: '--w-tree', least: 200, most: 520, sign: 1 },
  beside: { property: '--w-beside', least: 320, most: 1400, sign: 1 },
  insp: { property: '--w-insp', least: 260, most: 620, sign: -1 },
  strip: { property: '--h-strip', least: 96, most: 560, sign: -1 },
} as const;
export type Region = keyof typeof REGIONS;
/** What an arrow key moves it, in pixels. */
const STEP = 16;

export function Splitter({ region }: { region: Region }) {
  const { property, least, most, sign } = REGIONS[region];
  const upright = region !== 'strip',
    chosen = sizes.value[region];
  const grip = useRef<HTMLDivElement>(null);
  /** What it is where nobody chose. */
  const [normal, setNormal] = useState<number>(least);
  const size = chosen ?? normal;
  useEffect(() => {
    const { style } = document.documentElement;
    if (chosen !== undefined) {
      style.setProperty(property, `${chosen}px`);
      return;
    }
    style.removeProperty(property);
    const line = grip.current;
    // The window may change between the line's end and this effect's.
    const measure = () => {
      if (line?.isConnected) setNormal(Math.round(parseFloat(getComputedStyle(line).getPropertyValue(property))));
    };
    measure();
    addEventListener('resize', measure);
    return () => removeEventListener('resize', measure);
  }, [chosen]);

  const set = (to: number) => {
    sizes.value = { ...sizes.value, [region]: Math.round(Math.min(most, Math.max(least, to))) };
  };
  const reset = () => {
    const { [region]: _, ...others } = sizes.value;
    sizes.value = others;
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const towards = { [upright ? 'ArrowLeft' : 'ArrowUp']: -1, [upright ? 'ArrowRight' : 'ArrowDown']: 1 }[event.key];
    const to = towards ? size + towards * sign * STEP : { Home: least, End: most }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    set(to);
  };
  const onPointerDown = (event: PointerEvent) => {
    const line = event.currentTarget as HTMLElement;
    const from = upright ? event.clientX : event.clientY;
    line.setPointerCapture(event.pointerId);
    const move = (at: PointerEvent) => set(size + sign * ((upright ? at.clientX : at.clientY) - from));
    const end = () => {
      line.removeEventListener('pointermove', move);
      line.removeEventListener('lostpointercapture', end);
    };
    line.addEventListener('pointermove', move);
    line.addEventListener('lostpointercapture', end);
  };
  return (
    <div
      ref={grip}
      class={`split split-${region}`}
      role="separator"
      tabIndex={0}
      aria-orientation={upright ? 'vertical' : 'horizontal'}
      aria-label={strings.splitters[region]}
      aria-valuenow={size}
      aria-valuemin={least}
      aria-valuemax={most}
      onKeyDown={onKeyDown}
      onPointerDown={onPointerDown}
      onDblClick={reset}
    />
  );
}
