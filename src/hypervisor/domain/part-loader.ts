/** Parts of a domain's processor that are loaded while it runs: what a guest runs before its prompt needs none of them. */
import { giveTier, loadCompiler, loadOperations } from '../../cpu/index.ts';
import type { Domain } from './domain.ts';

/** What waits or ends within this many instructions, some 20 ms, needs no second tier: the prompt of a small guest is there before it. */
const FIRST_INSTRUCTIONS = 1_000_000;

/**
 * Called after each slice of a domain, by who runs it: loads what its processor needs by now. That is its second tier when it has run for a while, the tier's
 * compiler once that is wanted, and the functions of instructions that no guest runs at first.
 */
export class PartLoader {
  private loading = false;
  private isWithout = false;
  private readonly problem: (sentence: string) => void;

  /** `problem`: is called with why guest code is not compiled. */
  constructor(problem: (sentence: string) => void) {
    this.problem = problem;
  }

  /** True while the processor waits for what needs a turn of the event loop: it runs on, more slowly than it might, or not at all. */
  look(domain: Pick<Domain, 'processor' | 'power'>): boolean {
    const { processor } = domain,
      { regions, retired, lacksRegions, lacksOperations } = processor;
    if (lacksOperations) {
      this.load(loadOperations, () => this.cannotRun(domain));
      return !this.isWithout;
    }
    if (retired < FIRST_INSTRUCTIONS) return false;
    if (lacksRegions)
      this.load(
        () => giveTier(processor),
        error => {
          processor.withoutRegions();
          this.isInterpreted(error);
        },
      );
    else if (regions?.wantsCompiler)
      this.load(
        async () => regions.useCompiler(await loadCompiler()),
        error => {
          regions.failed();
          this.isInterpreted(error);
        },
      );
    return lacksRegions || (regions?.waiting ?? false);
  }

  /** One part at a time. */
  private load(part: () => Promise<void>, failed: (error: Error) => void): void {
    if (this.loading || this.isWithout) return;
    this.loading = true;
    void part()
      .catch(failed)
      .finally(() => {
        this.loading = false;
      });
  }

  private isInterpreted({ message }: Error): void {
    this.problem(`The compiler of guest code could not be loaded (${message}): the guest runs on, interpreted.`);
  }

  private cannotRun(domain: Pick<Domain, 'power'>): void {
    this.isWithout = true;
    domain.power.crash(
      'The part of Ringside that runs floating-point and SSE instructions could not be loaded. Check the connection and start the guest again.',
    );
  }
}
