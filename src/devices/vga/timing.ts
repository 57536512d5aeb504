/** When the beam is where: retrace bits that software waits for, from the CRT controller's own numbers and the machine's clock. */
import {
  CRTC_HORIZONTAL_DISPLAY_END,
  CRTC_HORIZONTAL_TOTAL,
  CRTC_OVERFLOW,
  CRTC_VERTICAL_RETRACE_END,
  CRTC_VERTICAL_RETRACE_START,
  CRTC_VERTICAL_TOTAL,
  SEQ_CLOCKING_MODE,
} from './registers.ts';
import { displayLines } from './text.ts';

const DOT_CLOCKS_HZ = [25_175_000, 28_322_000, 25_175_000, 25_175_000];

export interface Timing {
  lineNs: number;
  frameNs: number;
  /** Part of a line, from its start, in which pixels are shown. */
  visibleNs: number;
  displayLines: number;
  retraceStart: number;
  retraceEnd: number;
}

export function timingOf(r: { misc: number; sequencer: Uint8Array; crtc: Uint8Array }): Timing {
  const { crtc } = r;
  const dots = r.sequencer[SEQ_CLOCKING_MODE] & 1 ? 8 : 9;
  const hz = DOT_CLOCKS_HZ[(r.misc >> 2) & 3] / (r.sequencer[SEQ_CLOCKING_MODE] & 8 ? 2 : 1);
  const characterNs = (dots * 1e9) / hz;
  const total =
    (crtc[CRTC_VERTICAL_TOTAL] | ((crtc[CRTC_OVERFLOW] & 1) << 8) | ((crtc[CRTC_OVERFLOW] & 0x20) << 4)) + 2;
  const lineNs = (crtc[CRTC_HORIZONTAL_TOTAL] + 5) * characterNs;
  const retraceStart =
    crtc[CRTC_VERTICAL_RETRACE_START] | ((crtc[CRTC_OVERFLOW] & 4) << 6) | ((crtc[CRTC_OVERFLOW] & 0x80) << 2);
  // The end has four bits: it is the first line, after the start, whose low bits agree.
  const length = (crtc[CRTC_VERTICAL_RETRACE_END] - retraceStart) & 15 || 16;
  return {
    lineNs,
    frameNs: total * lineNs,
    visibleNs: (crtc[CRTC_HORIZONTAL_DISPLAY_END] + 1) * characterNs,
    displayLines: displayLines(r),
    retraceStart,
    retraceEnd: retraceStart + length,
  };
}

/** Input status 1: bit 0 not displaying, bit 3 vertical retrace. */
export function readRetrace(timing: Timing, nowNs: number): number {
  const inFrame = nowNs % timing.frameNs;
  const line = Math.floor(inFrame / timing.lineNs);
  const retrace = line >= timing.retraceStart && line < timing.retraceEnd;
  const hidden = line >= timing.displayLines || inFrame - line * timing.lineNs >= timing.visibleNs;
  return (retrace ? 8 : 0) | (hidden ? 1 : 0);
}
