/** Calls back after this many milliseconds; the result takes it back. Worker entries bring it: nobody below them has a timer. */
export type Later = (ms: number, callback: () => void) => () => void;
