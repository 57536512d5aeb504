/** Time and chance in node, as hosts want them handed in. */
export { sharedMs } from '../hypervisor/worker/index.ts';

/** As soon as the event loop had its turn. */
export const soon = (callback: () => void): void => void setImmediate(callback);

/** After some milliseconds, at most the longest that node knows; the result takes it back. */
export const later = (ms: number, callback: () => void): (() => void) => {
  const timer = setTimeout(callback, Math.min(ms, 2 ** 31 - 1));
  return () => clearTimeout(timer);
};

/** What a host's state is opened with. */
export const nodeState = {
  epochMs: () => Date.now(),
  random: (below: number) => Math.floor(Math.random() * below),
  later,
};
