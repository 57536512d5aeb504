/** Waiting for what may come soon, tried the less often the less it paid. */
const MOST_SKIPPED = 256;

/** What a neighbour answers at once comes sooner than a thread wakes, so it is worth waiting for; tried the less often, the less it paid. */
export class Patience {
  private skipped = 0;
  private skip = 1;

  /** `wait`: true if it paid. */
  pays(wait: () => boolean): boolean {
    if (++this.skipped < this.skip) return false;
    this.skipped = 0;
    const paid = wait();
    this.skip = paid ? 1 : Math.min(MOST_SKIPPED, this.skip * 2);
    return paid;
  }
}
