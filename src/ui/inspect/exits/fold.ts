/** Exits in a row that say the same of one vCPU, as one row of the log. */

interface Exit {
  key: string;
  domain: number;
  vcpu: number;
  reason: number;
}

/** A row: its newest exit, and how many it represents. */
export interface Folded<E extends Exit> {
  exit: E;
  times: number;
}

/** Of `exits`, newest first, those whose reason `tellsAll` and that follow on one another share a row; what is `picked` has its own. */
export function fold<E extends Exit>(
  exits: readonly E[],
  tellsAll: (reason: number) => boolean,
  picked?: string,
): Folded<E>[] {
  const rows: Folded<E>[] = [];
  for (const exit of exits) {
    const row = rows.at(-1),
      { domain, vcpu, reason, key } = exit;
    if (
      row &&
      tellsAll(reason) &&
      row.exit.reason === reason &&
      row.exit.domain === domain &&
      row.exit.vcpu === vcpu &&
      row.exit.key !== picked &&
      key !== picked
    )
      row.times++;
    else rows.push({ exit, times: 1 });
  }
  return rows;
}
