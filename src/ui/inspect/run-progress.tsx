/** How far a run is that a comparison does. */
import type { ComponentChildren } from 'preact';

/** `part`: 0 to 1; `children`: what it does now. */
export const RunProgress = ({
  label,
  part,
  children,
}: {
  label: string;
  part: number;
  children: ComponentChildren;
}) => (
  <>
    <div
      class="bar"
      role="progressbar"
      aria-label={label}
      aria-valuenow={Math.round(100 * part)}
      aria-valuemin={0}
      aria-valuemax={100}
    >
      <i class="c-hv" style={`width:${100 * part}%`} />
    </div>
    <span class="sec">{children}</span>
  </>
);
