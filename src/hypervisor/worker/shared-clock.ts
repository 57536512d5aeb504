/** The one clock that all workers, the page and the command line share: monotonic milliseconds since an origin that is the same for all. */
export const sharedMs = (): number => performance.timeOrigin + performance.now();
