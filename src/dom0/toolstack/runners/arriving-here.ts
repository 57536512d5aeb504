/** A domain on this thread whose saved state comes: it runs, and does what was asked of it meanwhile, once all of that is there. */
import { Arrival, type Domain, SavedStateError } from '../../../hypervisor/index.ts';
import { type AskDomain, asking, gone, VERBS } from '../../../hypervisor/verbs/index.ts';
import type { ArrivalTaker } from './runner.ts';

type AnyAsk = (name: string, ...given: readonly unknown[]) => unknown;

export class ArrivingHere {
  readonly started: Promise<string>;
  readonly to: ArrivalTaker;
  private goesTo: AnyAsk | undefined;
  private readonly waiting: ((ask: AnyAsk) => void)[] = [];

  /** `begin`: it runs from then on. */
  constructor(domain: Domain, begin: () => AskDomain) {
    const arrival = new Arrival(domain);
    let take = (): void => {},
      refuse = (_why: Error): void => {};
    const state = new Promise<void>((resolve, reject) => {
      take = resolve;
      refuse = reject;
    });
    const attempt = (work: () => void): void => {
      try {
        work();
      } catch (error) {
        this.refuse(refuse, error as Error);
      }
    };
    this.to = {
      pages: pages => arrival.pages(pages),
      placed: () => {},
      rehearse: saved => attempt(() => arrival.rehearse(saved)),
      rest: saved =>
        attempt(() => {
          arrival.rest(saved);
          this.goOn(begin() as AnyAsk);
          take();
        }),
      refused: why => this.refuse(refuse, new SavedStateError(why)),
    };
    this.started = state.then(() => domain.about);
  }

  /** Verbs wait until the domain runs. */
  readonly ask: AskDomain = asking((name, given) => {
    if (this.goesTo) return this.goesTo(name, ...given);
    const answer = new Promise<unknown>((resolve, reject) =>
      this.waiting.push(ask => Promise.resolve(ask(name, ...given)).then(resolve, reject)),
    );
    return 'gone' in VERBS[name as keyof typeof VERBS] ? answer : undefined;
  });

  /** It is there, or will not be: then nobody waits for it. */
  get isOver(): boolean {
    return this.goesTo !== undefined;
  }

  private goOn(ask: AnyAsk): void {
    this.goesTo = ask;
    for (const waits of this.waiting.splice(0)) waits(ask);
  }

  private refuse(tell: (why: Error) => void, why: Error): void {
    if (this.isOver) return;
    this.goOn(name => gone(VERBS, name));
    tell(why);
  }
}
