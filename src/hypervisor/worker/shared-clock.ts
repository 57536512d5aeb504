/** The one clock that all workers, the page and the command line share: monotonic milliseconds since an origin that is the same for all. */
export const sharedMs = (): number => performance.timeOrigin + performance.now();

/** Calls back after this many milliseconds of it; the result takes it back. */
export const later = (ms: number, callback: () => void): (() => void) => {
  const timer = setTimeout(callback, ms);
  return () => clearTimeout(timer);
};
