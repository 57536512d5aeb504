/**
 * npm run -s oracle -- FILE… [--limit N] [--through-idt] [--in-regions]
 *
 * Replays fixtures of a real processor (test/oracle/README.md) and prints the cases that end differently here, how many cases were compared in part and why
 * (oracle/vendors.ts), then `N passed, N failed`. FILE: JSON lines, gzipped or plain. `--limit`: failing cases printed for each form (3 by default).
 * `--through-idt`: exceptions are delivered through the IDT instead of leaving by a VM exit. `--in-regions`: compiles every case, and counts those that retired
 * instructions in compiled regions.
 */
import { flag, number, WrongUse } from './harness/options.ts';
import { program } from './harness/program.ts';
import { compare } from './oracle/compare.ts';
import { FixtureError, readFixtures } from './oracle/fixture.ts';
import type { Case } from './oracle/fixture.ts';
import { OracleMachine } from './oracle/machine.ts';
import { vendorDifferences } from './oracle/vendors.ts';

/** Differences printed for one case. */
const DIFFERENCES = 4;

export interface Result {
  passed: number;
  failed: number;
}

/** Runs the cases of one file; `report` gets a line for each of the first `limit` failing cases of a form. */
export function replay(
  machine: OracleMachine,
  file: string,
  cases: readonly Case[],
  limit: number,
  report: (line: string) => void,
): Result {
  const failures = new Map<string, number>();
  let failed = 0;
  for (const test of cases) {
    const bad = compare(test, machine.run(test), machine);
    if (bad.length === 0) continue;
    failed++;
    const form = `w${test.bits} ${test.form}`;
    const count = (failures.get(form) ?? 0) + 1;
    failures.set(form, count);
    if (count > limit) continue;
    const more = bad.length > DIFFERENCES ? ` and ${bad.length - DIFFERENCES} more` : '';
    report(
      `FAIL ${file}:${test.line}: ${form} [${Buffer.from(test.code).toString('hex')}] ${bad.slice(0, DIFFERENCES).join('; ')}${more}`,
    );
  }
  for (const [form, count] of failures) if (count > limit) report(`     ${file}: ${form}: ${count - limit} more`);
  return { passed: cases.length - failed, failed };
}

export const main = program({
  name: 'oracle',
  operands: 'FILE…',
  options: { limit: number(3), 'through-idt': flag, 'in-regions': flag },
  run: ({ limit, 'through-idt': throughIdt, 'in-regions': inRegions }, write, files) => {
    if (files.length === 0) throw new WrongUse('no fixture file given');
    const total: Result = { passed: 0, failed: 0 },
      inPart = new Map<string, number>();
    try {
      const machine = new OracleMachine(throughIdt, inRegions);
      for (const file of files) {
        const cases = readFixtures(file);
        const { passed, failed } = replay(machine, file, cases, limit, line => write(`${line}\n`));
        for (const { why } of cases.flatMap(vendorDifferences)) inPart.set(why, (inPart.get(why) ?? 0) + 1);
        total.passed += passed;
        total.failed += failed;
        if (files.length > 1) write(`${file}: ${passed} passed, ${failed} failed\n`);
      }
      if (inRegions) write(`${machine.casesInRegions} cases ran in regions\n`);
    } catch (error) {
      throw error instanceof FixtureError ? new WrongUse(error.message) : error;
    }
    for (const [why, count] of inPart) write(`${count} cases were compared in part: ${why}\n`);
    write(`${total.passed} passed, ${total.failed} failed\n`);
    return total.failed === 0 ? 0 : 1;
  },
});
