/** Where one is in the page. */
export interface Place {
  /** 'home', 'draft', 'domain', or what a panel of its own has. */
  readonly kind: string;
  /** The domain that it is about. */
  readonly id?: number;
  /** Which of a place's views; undefined: the first. */
  readonly tab?: string;
  /** What it is about, where that has no number: a definition, a volume. */
  readonly name?: string;
}
