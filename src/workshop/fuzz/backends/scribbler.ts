/**
 * Who writes into a hostile domain's pages while Domain 0 reads them: what its other processors could do. Words of a control block that both threads
 * share; a thread of its own runs `scribble` (scribbler-worker.ts).
 */
import { type Pick, picker } from '../../harness/pick.ts';

/** Words of the control block: what is wanted, what is so, how many pages there are, and their byte offsets. */
const WANTED = 0,
  NOW = 1,
  PAGES = 2,
  FIRST_PAGE = 3;
const MOST_PAGES = 64;
const STOPPED = 0,
  WRITING = 1,
  ENDED = 2;
/** Writes between two looks at what is wanted. */
const BURST = 16;

export const CONTROL_BYTES = (FIRST_PAGE + MOST_PAGES) * 4;

export interface ScribblerStart {
  memory: SharedArrayBuffer;
  control: SharedArrayBuffer;
  seed: number;
}

/** The other thread's side: may it write, and where. */
export class Scribbler {
  private readonly control: Int32Array;

  constructor(control: SharedArrayBuffer) {
    this.control = new Int32Array(control);
  }

  /** It writes into these pages (byte offsets in machine memory) until `stop`. */
  start(pages: readonly number[]): void {
    this.control.set(pages.slice(0, MOST_PAGES), FIRST_PAGE);
    this.control[PAGES] = Math.min(pages.length, MOST_PAGES);
    this.want(WRITING);
  }

  /** Returns once it writes no more. */
  stop(): void {
    this.want(STOPPED);
  }

  /** For ever. */
  end(): void {
    this.want(ENDED);
  }

  private want(what: number): void {
    const { control } = this;
    Atomics.store(control, WANTED, what);
    Atomics.notify(control, WANTED);
    for (let now = Atomics.load(control, NOW); now !== what; now = Atomics.load(control, NOW))
      Atomics.wait(control, NOW, now, 1000);
  }
}

/** Any word, often one that could be right. */
function word(pick: Pick): number {
  switch (pick(4)) {
    case 0:
      return pick(2 ** 32);
    case 1:
      return pick(16);
    case 2:
      return 100 + pick(20);
    default:
      return pick(2) << pick(32);
  }
}

/** Writes as the control block says, until that says that it is over. */
export function scribble({ memory, control: shared, seed }: ScribblerStart): void {
  const control = new Int32Array(shared),
    words = new Int32Array(memory);
  const pick = picker(seed);
  for (;;) {
    const wanted = Atomics.load(control, WANTED);
    if (Atomics.load(control, NOW) !== wanted) {
      Atomics.store(control, NOW, wanted);
      Atomics.notify(control, NOW);
    }
    if (wanted === ENDED) return;
    if (wanted === STOPPED) {
      Atomics.wait(control, WANTED, wanted);
      continue;
    }
    for (let i = 0; i < BURST; i++) {
      const page = control[FIRST_PAGE + pick(control[PAGES])];
      // Indices and the first slots are what is looked at most.
      words[page / 4 + (pick(4) === 0 ? pick(1024) : pick(64))] = word(pick);
    }
    // It has one processor of several: what is written without a pause is never anything else.
    Atomics.wait(control, WANTED, WRITING, 1);
  }
}
