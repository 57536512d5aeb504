/** Small drawn marks: state glyphs, icons, badges, owner chips. Shape first, letter second, hue third. */

import type { ComponentChildren } from 'preact';
import { modeName, ofHost } from '../hypervisors/of-host.ts';
import { ownerClass, ownerToken } from '../owners.ts';
import { strings } from '../strings.ts';

const PATHS = {
  run: <path d="M3 1.5v9l8-4.5z" fill="currentColor" />,
  blocked: <circle cx="6" cy="6" r="4.2" fill="none" stroke="currentColor" stroke-width="1.7" />,
  pause: <path d="M2 1h3v10H2zM7 1h3v10H7z" fill="currentColor" />,
  square: <path d="M2 2h8v8H2z" fill="currentColor" />,
  open: <path d="M2 2h8v8H2z" fill="none" stroke="currentColor" stroke-width="1.4" />,
  cross: <path d="M2 2l8 8M10 2l-8 8" fill="none" stroke="currentColor" stroke-width="2.1" />,
  diamond: <path d="M6 1l5 5-5 5-5-5z" fill="none" stroke="currentColor" stroke-width="1.5" />,
  check: <path d="M1.5 6.5l3 3 6-7" fill="none" stroke="currentColor" stroke-width="1.8" />,
  wave: (
    <path
      d="M1 5c2-3 3.5-1 5 0s3 2 5-1M1 9c2-3 3.5-1 5 0s3 2 5-1"
      fill="none"
      stroke="currentColor"
      stroke-width="1.5"
    />
  ),
  none: (
    <>
      <circle cx="6" cy="6" r="4.6" fill="none" stroke="currentColor" stroke-width="1.4" />
      <path d="M2.8 9.2l6.4-6.4" stroke="currentColor" stroke-width="1.4" />
    </>
  ),
  menu: <path d="M1 2.5h10M1 6h10M1 9.5h10" stroke="currentColor" stroke-width="1.4" />,
  close: <path d="M2.5 2.5l7 7M9.5 2.5l-7 7" stroke="currentColor" stroke-width="1.4" />,
  down: <path d="M2.5 4.5L6 8l3.5-3.5" fill="none" stroke="currentColor" stroke-width="1.4" />,
  up: <path d="M2.5 7.5L6 4l3.5 3.5" fill="none" stroke="currentColor" stroke-width="1.4" />,
  right: <path d="M4.5 2.5L8 6l-3.5 3.5" fill="none" stroke="currentColor" stroke-width="1.4" />,
  step: <path d="M1 1.5v9L8 6zM9 1.5h2v9H9z" fill="currentColor" />,
  drop: <path d="M6 1v6.5M3 5l3 3 3-3M1 10.7h10" fill="none" stroke="currentColor" stroke-width="1.4" />,
  prompt: <path d="M1.5 2.5L5 6 1.5 9.5M6 10h5" fill="none" stroke="currentColor" stroke-width="1.5" />,
  book: (
    <path
      d="M6 3C4.8 2 3.2 1.8 1.2 1.8v7.6c2 0 3.6.2 4.8 1.2 1.2-1 2.8-1.2 4.8-1.2V1.8C8.8 1.8 7.2 2 6 3v7.6"
      fill="none"
      stroke="currentColor"
      stroke-width="1.2"
    />
  ),
  host: (
    <>
      <rect x="1.2" y="1.5" width="9.6" height="3.6" rx=".8" fill="none" stroke="currentColor" stroke-width="1.2" />
      <rect x="1.2" y="6.9" width="9.6" height="3.6" rx=".8" fill="none" stroke="currentColor" stroke-width="1.2" />
    </>
  ),
  bridge: (
    <>
      <path d="M6 1.5v4M2 10V7.5h8V10M6 5.5v2" fill="none" stroke="currentColor" stroke-width="1.2" />
      <circle cx="6" cy="2" r="1.1" fill="currentColor" />
      <circle cx="2" cy="10.4" r="1.1" fill="currentColor" />
      <circle cx="10" cy="10.4" r="1.1" fill="currentColor" />
    </>
  ),
  disk: (
    <>
      <rect x="1.2" y="3" width="9.6" height="6.4" rx="1" fill="none" stroke="currentColor" stroke-width="1.2" />
      <path d="M7.4 7.3h1.6" stroke="currentColor" stroke-width="1.4" />
    </>
  ),
  volume: <path d="M2 2.2h8v7.6H2zM2 6h8" fill="none" stroke="currentColor" stroke-width="1.2" />,
  maximise: <path d="M1.8 1.8h8.4v8.4H1.8z" fill="none" stroke="currentColor" stroke-width="1.4" />,
  full: (
    <path
      d="M1.5 4.2V1.5h2.7M7.8 1.5h2.7v2.7M10.5 7.8v2.7H7.8M4.2 10.5H1.5V7.8"
      fill="none"
      stroke="currentColor"
      stroke-width="1.3"
    />
  ),
  out: (
    <path d="M5 1.8H1.8v8.4h8.4V7M7 1.8h3.2V5M10.2 1.8L5.6 6.4" fill="none" stroke="currentColor" stroke-width="1.3" />
  ),
  move: (
    <path
      d="M6 1v10M1 6h10M4.4 2.6L6 1l1.6 1.6M4.4 9.4L6 11l1.6-1.6M2.6 4.4L1 6l1.6 1.6M9.4 4.4L11 6 9.4 7.6"
      fill="none"
      stroke="currentColor"
      stroke-width="1.1"
    />
  ),
  copy: (
    <>
      <rect x="4" y="4" width="6.5" height="6.5" rx="1" fill="none" stroke="currentColor" stroke-width="1.2" />
      <path d="M8 4V1.5H1.5V8H4" fill="none" stroke="currentColor" stroke-width="1.2" />
    </>
  ),
  search: (
    <path
      d="M5 1.5a3.5 3.5 0 1 1 0 7a3.5 3.5 0 0 1 0-7M7.6 7.6L11 11"
      fill="none"
      stroke="currentColor"
      stroke-width="1.3"
    />
  ),
  plus: <path d="M6 1.5v9M1.5 6h9" stroke="currentColor" stroke-width="1.5" />,
  theme: (
    <>
      <circle cx="6" cy="6" r="4.8" fill="none" stroke="currentColor" stroke-width="1.3" />
      <path d="M6 1.2a4.8 4.8 0 0 1 0 9.6z" fill="currentColor" />
    </>
  ),
  reset: <path d="M9.8 3.8A4.5 4.5 0 1 0 10.5 6M10.2 1v3h-3" fill="none" stroke="currentColor" stroke-width="1.4" />,
  power: <path d="M3.5 2.7a4.5 4.5 0 1 0 5 0M6 .8v5" fill="none" stroke="currentColor" stroke-width="1.4" />,
  picture: (
    <>
      <rect x="1" y="2" width="10" height="8" rx="1" fill="none" stroke="currentColor" stroke-width="1.2" />
      <path d="M1.5 9l3-3.5 2 2 1.5-1.5 2.5 3" fill="none" stroke="currentColor" stroke-width="1.2" />
    </>
  ),
};
export type IconName = keyof typeof PATHS;

export const Icon = ({ name, size = 12 }: { name: IconName; size?: number }) => (
  <svg viewBox="0 0 12 12" width={size} height={size} aria-hidden="true">
    {PATHS[name]}
  </svg>
);

const STATE_ICONS: Record<string, IconName> = {
  r: 'run',
  b: 'blocked',
  p: 'pause',
  s: 'square',
  c: 'cross',
  d: 'diamond',
  '-': 'open',
};

/** Glyph and letter of an `xl list` state. `fell`: it did not shut itself down, whatever Xen calls it (a triple fault is a reboot to it). */
export const StateMark = ({ state, fell = false }: { state: string; fell?: boolean | undefined }) => (
  <span class={`st ${fell ? 'c' : state}`} title={strings.states[state]}>
    <Icon name={STATE_ICONS[fell ? 'c' : state] ?? 'open'} />
    {state}
    <span class="hidden"> {strings.states[state]}</span>
  </span>
);

export const ModeBadge = ({ type }: { type: string }) => <span class={`mode ${type}`}>{modeName(type)}</span>;

/** Of Domain-0; a host's own system is no domain. */
export const SystemBadge = () => ofHost({ xen: <ModeBadge type="d0" />, kvm: null });

export { ownerClass, ownerToken };
export const Chip = ({ id }: { id?: number }) => <i class={`chip ${id === undefined ? 'c-free' : ownerClass(id)}`} />;

const TAGS: Record<string, [tone: string, icon: IconName]> = {
  used: ['ok', 'check'],
  approximated: ['warn', 'wave'],
  ignored: ['off', 'none'],
  missing: ['bad', 'cross'],
  error: ['bad', 'cross'],
  done: ['ok', 'check'],
  failed: ['bad', 'cross'],
  running: ['', 'run'],
};

/** A verdict or an outcome: glyph, word, hue. */
export function Tag({ kind, children }: { kind: string; children: ComponentChildren }) {
  const [tone, icon] = TAGS[kind] ?? ['', 'none'];
  return (
    <span class={`tag ${tone}`}>
      <Icon name={icon} />
      {children}
    </span>
  );
}

/** Why what was asked for was not done, announced at once for screen readers, too. */
export const Problem = ({ children }: { children: ComponentChildren }) => (
  <p class="stop" role="alert">
    <Tag kind="failed">
      <span>{children}</span>
    </Tag>
  </p>
);

export const Brand = () => (
  <span class="brand">
    <svg viewBox="0 0 24 24" aria-hidden="true">
      <g fill="none" stroke="currentColor" stroke-width="1.7">
        <path d="M22.3 12A10.3 10.3 0 1 1 12 1.7" />
        <path d="M12 5.4A6.6 6.6 0 1 1 5.4 12" />
      </g>
      <circle cx="12" cy="12" r="2.9" fill="var(--hv)" />
    </svg>
    <span>{strings.product}</span>
  </span>
);

/** No spark begins with fewer values than this in its width. */
const LEAST_POINTS = 6;

/** Last minute of a share, 0 to `top`, from the first value on until it is full; undefined: not known, a gap. No data: a dotted base line. */
export function Spark({
  values,
  label,
  width = 36,
  height = 15,
  points = 60,
  top = 1,
  filled = false,
}: {
  values: readonly (number | undefined)[];
  label: string;
  width?: number;
  height?: number;
  points?: number;
  top?: number;
  filled?: boolean;
}) {
  const across = Math.min(points, Math.max(LEAST_POINTS, values.length)) - 1,
    x = (i: number) => ((across - values.length + 1 + i) / across) * (width - 4) + 1;
  const y = (value: number) => height - 2 - Math.min(1, value / top) * (height - 4);
  const last = values.length - 1,
    end = values[last];
  const runs: string[][] = [[]];
  values.forEach((value, i) => {
    if (value === undefined) runs.push([]);
    else runs.at(-1)!.push(`${x(i).toFixed(1)},${y(value).toFixed(1)}`);
  });
  return (
    <svg
      class="spark"
      preserveAspectRatio="none"
      viewBox={`0 0 ${width} ${height}`}
      width={width}
      height={height}
      role="img"
      aria-label={label}
      style={`width:${width}px;height:${height}px`}
    >
      {values.length === 0 && <path d={`M1 ${height - 2}H${width - 3}`} stroke="currentColor" stroke-dasharray="1 3" />}
      {filled &&
        runs
          .filter(run => run.length > 1)
          .map(run => (
            <path
              key={run[0]}
              class="area"
              d={`M${run[0]!.split(',')[0]} ${height - 2}L${run.join('L')}V${height - 2}z`}
            />
          ))}
      {runs
        .filter(run => run.length > 0)
        .map(run => (
          <polyline key={run[0]} points={run.join(' ')} />
        ))}
      {end !== undefined && <path class="now" d={`M${x(last).toFixed(1)} ${y(end).toFixed(1)}h.01`} />}
    </svg>
  );
}

/** Hands chosen files on; the button is the door for everybody who does not drag. */
export function ChooseFiles({
  onFiles,
  children,
  small,
}: {
  onFiles(files: File[]): void;
  children: ComponentChildren;
  small?: boolean;
}) {
  return (
    <label class={`btn choose${small ? ' sm' : ''}`}>
      {children}
      <input
        type="file"
        multiple
        onChange={event => {
          onFiles([...(event.currentTarget.files ?? [])]);
          event.currentTarget.value = '';
        }}
      />
    </label>
  );
}
