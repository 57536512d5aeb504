/** The page's texts around experiments. */

export const words = {
  all: 'Experiments',
  lede: 'Claims of the textbook, tried by guests that really run. One click each: a chart, its table, and a sentence that says whether the claim held here. In virtual time everybody gets the same numbers.',
  claim: 'Claim',
  run: 'Run it',
  again: 'Run it again',
  real: 'Run in real time',
  realHint: 'by this computer’s clock: warmed, repeated, interleaved',
  untimed: 'In virtual time alone.',
  cancel: 'Cancel',
  loads: 'the machine is loaded',
  progress: 'Progress of the experiment',
  under: (name: string) => `Measured now: ${name}`,
  cancelled: 'Cancelled. Its guests are gone; what was measured so far is below.',
  failed: (why: string) =>
    `the experiment could not be run: ${why || 'its script could not be loaded'}. Load the page again.`,
  ended: 'the browser has ended the experiment’s worker; what was measured so far is below.',
  next: 'Run it again.',
  held: { yes: 'The claim held here', partly: 'The claim held in part', no: 'The claim did not hold here' },
  csv: 'Raw numbers as CSV',
  table: 'Table',
  how: 'How it was measured',
  virtual: (seed: number) =>
    `In virtual time, with the seed ${seed}: counts are the machine’s own, and every run with this seed gets the same.`,
  timed: (warm: number, timed: number) =>
    `In real time, on this computer: each part of it ran ${warm} times to warm up and ${timed} interleaved runs, timed by the clock. A bar is the median of what the work took beyond an empty run, the line through it spans least to most. Counts, and the sentence above, are those of one run.`,
  costs: 'The table of costs',
  costsHint:
    'Virtual time knows no such costs: every instruction takes 4 ns there. The column “time by the costs” is a row’s counts times these. Put your own numbers in.',
  costColumns: ['one of', 'ns', 'from'],
  published: 'Back to the published ones',
  logAxis: 'by powers of ten',
  predicted: 'predicted',
  another: 'Another seed',
  mostNs: 'From 0 to a second: 1,000,000,000 ns.',
  noSuch: (id: string) => `There is no experiment ${id}. These are there:`,
};
