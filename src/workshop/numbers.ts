/** Command lines that give numbers, and nothing else. */
import { parseArgs } from 'node:util';

/** Whole numbers by the names of their options, as given or as in `defaults`. @throws Error with a sentence */
export function numbersOf<Name extends string>(
  argv: string[],
  defaults: Readonly<Record<Name, number>>,
): Record<Name, number> {
  const options = Object.fromEntries(Object.keys(defaults).map(name => [name, { type: 'string' as const }]));
  const values: Record<string, string | undefined> = parseArgs({ args: argv, options }).values;
  const numbers: Record<Name, number> = { ...defaults };
  for (const [name, value] of Object.entries(values)) {
    if (!/^\d+$/.test(value ?? '')) throw new Error(`--${name} ${value}: write a number.`);
    numbers[name as Name] = Number(value);
  }
  return numbers;
}
