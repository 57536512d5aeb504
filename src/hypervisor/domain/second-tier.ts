/** The second tier of a domain's processor: whether there is one, and how it comes to its compiler. */
import { type Compile, functionOf, type Processor, type RegionOptions } from '../../cpu/architecture/index.ts';
import { loadCompiler } from '../../cpu/index.ts';

/** Whether hot guest code is compiled where nobody says. */
export const JIT_BY_DEFAULT = false;
/** Samples in an epoch from which a place is compiled, where nobody says. */
const THRESHOLD = 8;

/** What a domain is told of its second tier. */
export interface JitOptions {
  /** Samples in an epoch from which a place is compiled; 0: nothing is. Absent: as JIT_BY_DEFAULT has it. */
  jitThreshold?: number;
  /** How a text becomes a function (default: by `new Function`). */
  compile?: Compile;
}

/** What its processor is made with. */
export function regionOptions({ jitThreshold = JIT_BY_DEFAULT ? THRESHOLD : 0, compile = functionOf }: JitOptions): { regions?: RegionOptions } {
  return jitThreshold > 0 ? { regions: { threshold: jitThreshold, compile } } : {};
}

/** Called after each slice of a domain, by who runs it: loads the compiler once the processor wants it. */
export class CompilerLoader {
  private loading = false;
  private readonly problem: (sentence: string) => void;

  /** `problem`: is told why guest code is not compiled. */
  constructor(problem: (sentence: string) => void) {
    this.problem = problem;
  }

  /** True while the processor waits for what needs a turn of the event loop: it runs on, more slowly than it might. */
  look({ regions }: Pick<Processor, 'regions'>): boolean {
    if (regions === null) return false;
    if (regions.wantsCompiler && !this.loading) {
      this.loading = true;
      loadCompiler().then(
        create => regions.useCompiler(create),
        (error: Error) => {
          regions.failed();
          this.problem(`The compiler of guest code could not be loaded (${error.message}): the guest runs on, interpreted.`);
        },
      );
    }
    return regions.waiting;
  }
}
