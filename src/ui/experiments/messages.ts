/** What the page and the worker of an experiment tell each other. */
import type { Progress, Row } from '../../lessons/experiments/index.ts';

/** Once, to begin. */
export interface Asked {
  id: string;
  seed: number;
  isTimed: boolean;
}

/** `holds`: the lock that its worker has while it lives; `rows`: all that are there so far; `isDone`: there are no more. */
export interface ExperimentNews {
  holds?: string;
  progress?: Progress | undefined;
  rows?: readonly Row[] | undefined;
  isDone?: boolean;
  /** Why it has ended before that. */
  problem?: string;
}
