/** Whether the memory of this process grows while it does the same again and again. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const MIB = 2 ** 20;

/** After a garbage collection. */
function usedMiB(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / MIB;
}

export class Growth {
  private readonly mostMiB: number;
  private beforeMiB: number | undefined;
  private grownMiB = 0;

  constructor(mostMiB: number) {
    this.mostMiB = mostMiB;
  }

  /** The first look counts, as what is loaded and compiled at first is no growth. */
  begin(): void {
    this.beforeMiB ??= usedMiB();
  }

  /** At the end: a sentence where it has grown by more than it may. */
  problem(): string | undefined {
    this.grownMiB = this.beforeMiB === undefined ? 0 : usedMiB() - this.beforeMiB;
    return this.grownMiB > this.mostMiB ? `memory grew by ${this.grownMiB.toFixed(1)} MiB` : undefined;
  }

  /** What `problem` has seen. */
  get text(): string {
    return `memory grew by ${this.grownMiB.toFixed(1)} MiB (at most ${this.mostMiB})`;
  }
}
