/**
 * npm run -s oracle -- FILE… [--limit N] [--through-idt] [--in-regions]
 *
 * Replays fixtures that a real processor made (test/oracle/README.md) on ours and prints the cases that end otherwise, how many were compared in part and
 * why (oracle/vendors.ts), then `N passed, N failed`.
 */
import { parseArgs } from 'node:util';
import { compare } from './oracle/compare.ts';
import { FixtureError, readFixtures } from './oracle/fixture.ts';
import type { Case } from './oracle/fixture.ts';
import { OracleMachine } from './oracle/machine.ts';
import { vendorDifferences } from './oracle/vendors.ts';

const USAGE = `usage: npm run -s oracle -- FILE… [--limit N] [--through-idt] [--in-regions]
  FILE           fixtures, JSON lines, gzipped or plain
  --limit N      failing cases printed for each form (default 3)
  --through-idt  exceptions are delivered through the IDT instead of leaving by a VM exit
  --in-regions   whatever a case begins at is compiled; the cases that retired instructions so are counted`;

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

/** Returns the exit status: 0 all passed, 1 some failed, 2 wrong use or a fixture that cannot be read. */
export function main(argv: string[]): number {
  let files: string[];
  let limit: number;
  let throughIdt: boolean;
  let inRegions: boolean;
  try {
    const { values, positionals } = parseArgs({
      args: argv,
      allowPositionals: true,
      options: {
        limit: { type: 'string', default: '3' },
        'through-idt': { type: 'boolean', default: false },
        'in-regions': { type: 'boolean', default: false },
      },
    });
    files = positionals;
    limit = Number(values.limit);
    throughIdt = values['through-idt'];
    inRegions = values['in-regions'];
    if (!Number.isInteger(limit) || limit < 0) throw new Error(`--limit ${values.limit}: not a whole number`);
    if (files.length === 0) throw new Error('no fixture file given');
  } catch (error) {
    process.stderr.write(`oracle: ${(error as Error).message}\n${USAGE}\n`);
    return 2;
  }
  const total: Result = { passed: 0, failed: 0 },
    inPart = new Map<string, number>();
  try {
    const machine = new OracleMachine(throughIdt, inRegions);
    for (const file of files) {
      const cases = readFixtures(file);
      const { passed, failed } = replay(machine, file, cases, limit, line => process.stdout.write(`${line}\n`));
      for (const { why } of cases.flatMap(vendorDifferences)) inPart.set(why, (inPart.get(why) ?? 0) + 1);
      total.passed += passed;
      total.failed += failed;
      if (files.length > 1) process.stdout.write(`${file}: ${passed} passed, ${failed} failed\n`);
    }
    if (inRegions) process.stdout.write(`${machine.casesInRegions} cases ran in regions\n`);
  } catch (error) {
    if (!(error instanceof FixtureError)) throw error;
    process.stderr.write(`oracle: ${error.message}\n`);
    return 2;
  }
  for (const [why, count] of inPart) process.stdout.write(`${count} cases were compared in part: ${why}\n`);
  process.stdout.write(`${total.passed} passed, ${total.failed} failed\n`);
  return total.failed === 0 ? 0 : 1;
}
