/**
 * How text becomes functions in a browser: by `new Function`, or, where the page's policy forbids that (Content-Security-Policy without 'unsafe-eval') and
 * allows scripts of blob: addresses, by importing such a script, which takes a turn of the event loop.
 */
import { type Compile, functionOf } from '../../cpu/architecture/index.ts';

type Made = Exclude<ReturnType<Compile>, null | undefined>;
/** A module that was imported stays for as long as its worker lives, also when nobody calls it any more: this many are made at most. */
const MOST_SCRIPTS = 2000;

/** `problem` reports, once each, that scripts take the place of `new Function`, and that nothing is compiled at all. */
export function functionOrScript(problem: (sentence: string) => void): Compile {
  let scripts: Scripts | undefined;
  return (names, text) => {
    if (!scripts) {
      const made = functionOf(names, text);
      if (made) return made;
      scripts = new Scripts(problem);
    }
    return scripts.compile(names, text);
  };
}

class Scripts {
  private readonly problem: (sentence: string) => void;
  /** By their text; null: on its way. */
  private readonly made = new Map<string, Made | null>();
  private count = 0;
  private isReported = false;
  private refused = false;

  constructor(problem: (sentence: string) => void) {
    this.problem = problem;
  }

  compile(names: readonly string[], text: string): ReturnType<Compile> {
    if (this.refused) return null;
    const made = this.made.get(text);
    if (made === undefined) this.load(names, text);
    else if (made !== null) this.made.delete(text);
    return made ?? (this.refused ? null : undefined);
  }

  private load(names: readonly string[], text: string): void {
    if (typeof Blob === 'undefined' || this.count === MOST_SCRIPTS) return this.refuse();
    this.count++;
    const address = URL.createObjectURL(
      new Blob([`export default (${names.join(', ')}) => { ${text} }`], { type: 'text/javascript' }),
    );
    this.made.set(text, null);
    import(/* @vite-ignore */ address)
      .then(
        (module: { default: Made }) => {
          if (!this.isReported)
            this.problem(
              "The page's policy forbids new Function: guest code is compiled through scripts of blob: addresses, which takes longer.",
            );
          this.isReported = true;
          this.made.set(text, module.default);
        },
        () => this.refuse(),
      )
      .finally(() => URL.revokeObjectURL(address));
  }

  private refuse(): void {
    if (this.refused) return;
    this.refused = true;
    this.made.clear();
    this.problem(
      this.count === MOST_SCRIPTS
        ? `${MOST_SCRIPTS} scripts were made of guest code: no more is compiled, and the guest runs on, interpreted.`
        : "The page's policy forbids new Function and scripts of blob: addresses: guest code is interpreted and not compiled, which is slower. Let the server allow 'unsafe-eval' for the page's workers.",
    );
  }
}
