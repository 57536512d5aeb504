/** The lines in which two texts differ, as diff prints them. Source: diffutils' manual, "Normal Format" and "Unified Format"; E. Myers, An O(ND) Difference Algorithm (1986). */

export interface Form {
  /** Lines round a change in the unified form; absent: the normal form. */
  context?: number;
  /** What of a line counts. */
  same(line: string): string;
}

/** Lines `from` to `to` of the old text became `other` to `end` of the new one; counted from 0, without the end. */
interface Change {
  from: number;
  to: number;
  other: number;
  end: number;
}

const NO_NEWLINE = '\\ No newline at end of file';
/** Texts that differ in more lines are shown as one change. */
const MOST_STEPS = 4000;

function linesOf(text: string): string[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  // A last line that does not end is another one than one that does.
  else lines.push(`${lines.pop()}\n${NO_NEWLINE}`);
  return lines;
}

/** Shortest way from one to the other. */
function changes(a: readonly string[], b: readonly string[]): Change[] {
  let start = 0,
    aEnd = a.length,
    bEnd = b.length;
  while (start < aEnd && start < bEnd && a[start] === b[start]) start++;
  while (aEnd > start && bEnd > start && a[aEnd - 1] === b[bEnd - 1]) aEnd--, bEnd--;
  const n = aEnd - start,
    m = bEnd - start;
  if (n === 0 && m === 0) return [];
  const whole = [{ from: start, to: aEnd, other: start, end: bEnd }];
  if (n === 0 || m === 0) return whole;
  const most = Math.min(n + m, MOST_STEPS),
    reach = new Int32Array(2 * most + 3),
    middle = most + 1;
  const steps: Int32Array[] = [];
  for (let d = 0; d <= most; d++) {
    steps.push(reach.slice());
    for (let k = -d; k <= d; k += 2) {
      let x =
        k === -d || (k !== d && reach[middle + k - 1] < reach[middle + k + 1])
          ? reach[middle + k + 1]
          : reach[middle + k - 1] + 1;
      while (x < n && x - k < m && a[start + x] === b[start + x - k]) x++;
      reach[middle + k] = x;
      if (x >= n && x - k >= m) return backwards(steps, d, middle, n, m, start);
    }
  }
  return whole;
}

function backwards(
  steps: readonly Int32Array[],
  last: number,
  middle: number,
  n: number,
  m: number,
  start: number,
): Change[] {
  const found: Change[] = [];
  let x = n,
    y = m;
  for (let d = last; d > 0; d--) {
    const reach = steps[d],
      k = x - y;
    const isDown = k === -d || (k !== d && reach[middle + k - 1] < reach[middle + k + 1]);
    const before = isDown ? k + 1 : k - 1;
    const fromX = reach[middle + before],
      fromY = fromX - before;
    const one = {
      from: start + fromX,
      to: start + fromX + (isDown ? 0 : 1),
      other: start + fromY,
      end: start + fromY + (isDown ? 1 : 0),
    };
    const next = found[0];
    if (next && next.from === one.to && next.other === one.end)
      Object.assign(next, { from: one.from, other: one.other });
    else found.unshift(one);
    x = fromX;
    y = fromY;
  }
  return found;
}

const range = (from: number, to: number): string =>
  to - from <= 1 ? String(to - from === 0 ? from : from + 1) : `${from + 1},${to}`;
const spread = (from: number, to: number): string =>
  to - from === 1 ? String(from + 1) : `${to === from ? from : from + 1},${to - from}`;

/** Empty: they are the same. */
export function difference(old: string, changed: string, { context, same }: Form): string {
  const a = linesOf(old),
    b = linesOf(changed);
  const all = changes(a.map(same), b.map(same));
  if (context === undefined)
    return all
      .map(({ from, to, other, end }) => {
        const letter = from === to ? 'a' : other === end ? 'd' : 'c';
        return [
          `${range(from, to)}${letter}${range(other, end)}`,
          ...a.slice(from, to).map(line => `< ${line}`),
          ...(letter === 'c' ? ['---'] : []),
          ...b.slice(other, end).map(line => `> ${line}`),
        ]
          .map(line => `${line}\n`)
          .join('');
      })
      .join('');
  const hunks: Change[][] = [];
  for (const each of all) {
    const before = hunks.at(-1)?.at(-1);
    if (before && each.from - before.to <= 2 * context) hunks.at(-1)?.push(each);
    else hunks.push([each]);
  }
  return hunks
    .map(hunk => {
      const first = hunk[0],
        last = hunk[hunk.length - 1];
      const from = Math.max(0, first.from - context),
        to = Math.min(a.length, last.to + context);
      const other = Math.max(0, first.other - context),
        end = Math.min(b.length, last.end + context);
      const lines = [`@@ -${spread(from, to)} +${spread(other, end)} @@`];
      let at = from;
      for (const each of hunk) {
        lines.push(
          ...a.slice(at, each.from).map(line => ` ${line}`),
          ...a.slice(each.from, each.to).map(line => `-${line}`),
          ...b.slice(each.other, each.end).map(line => `+${line}`),
        );
        at = each.to;
      }
      lines.push(...a.slice(at, to).map(line => ` ${line}`));
      return lines.map(line => `${line}\n`).join('');
    })
    .join('');
}
