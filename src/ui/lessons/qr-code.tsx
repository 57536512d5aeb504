/** An address for the camera of a phone (ISO/IEC 18004), loaded when somebody asks for it. */
import './qr-code.css';
import { encode } from 'uqr';
import { words } from './words.ts';

/** Light modules around the code, as the standard wants them. */
const QUIET_MODULES = 4;

/** `ofThisMachine`: said of an address that no phone gets to. */
export function QrCode({ text, ofThisMachine = words.qrOfThisMachine }: { text: string; ofThisMachine?: string }) {
  // One of version 40 holds 2,331 bytes at this level.
  if (new TextEncoder().encode(text).length > 2331) return <p class="sec">{words.qrTooLong}</p>;
  const { data, size } = encode(text, { ecc: 'M', border: QUIET_MODULES });
  const path = data.flatMap((row, y) => row.flatMap((isDark, x) => (isDark ? [`M${x} ${y}h1v1h-1z`] : []))).join('');
  return (
    <figure class="lqr">
      {/* Dark on light in any theme: not all cameras read the inverse. */}
      <svg viewBox={`0 0 ${size} ${size}`} role="img" aria-label={words.qrOf(text)} shape-rendering="crispEdges">
        <rect width={size} height={size} fill="#fff" />
        <path d={path} fill="#000" />
      </svg>
      <figcaption class="sec">{isOfThisMachine(text) ? ofThisMachine : text}</figcaption>
    </figure>
  );
}

/** No phone gets there. */
const isOfThisMachine = (text: string): boolean =>
  /^(localhost|127\.\d+\.\d+\.\d+|\[::1\]|.+\.localhost)$/.test(new URL(text).hostname);
