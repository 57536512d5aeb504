/**
 * npm run -s judge:tools -- [--runs N] [--seed S] [--tool NAME,…] [--record FILE] [--all]
 *
 * Tools of Domain 0's shell next to this machine's (Debian 12's are what they follow): of each tool N (200 by default) sets of options, with input and files,
 * drawn by a seed. What ours answers otherwise as if it were right is printed, each with its command line, and ends it with status 1. An option that ours refuses,
 * and one that only ours takes, are counted, and printed with `--all`. `--record` writes down what this machine's tools answered, for src/dom0/shell/tool-options.test.ts.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { flag, number, text } from './harness/options.ts';
import { program } from './harness/program.ts';
import { caseOf } from './tools/cases.ts';
import { type Answer, judgementOf, oursOf, realOf } from './tools/judge.ts';
import { TOOLS } from './tools/options.ts';

const shown = ({ status, stdout, stderr, files }: Answer): string =>
  `${status} ${JSON.stringify(stdout)} ${JSON.stringify(stderr.slice(0, 120))} ${JSON.stringify(files)}`;
const wordText = (word: string): string =>
  /^[\w./=:,+%@-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

export const main = program({
  name: 'judge:tools',
  options: { runs: number(200), seed: number(1), tool: text('NAME,…'), record: text('FILE'), all: flag },
  run: async ({ runs, seed: first, tool, record, all }, write) => {
    const recorded: string[] = [];
    let wrong = 0;
    for (const { name } of TOOLS) {
      if (tool !== undefined && !tool.split(',').includes(name)) continue;
      if (!existsSync(`/usr/bin/${name}`)) {
        write(`${name}: skipped, as this machine has none\n`);
        continue;
      }
      const counts = { alike: 0, refused: 0, lenient: 0, misread: 0 };
      for (let seed = first; seed < first + runs; seed++) {
        const given = caseOf(name, seed);
        const [ours, real] = [await oursOf(given), await realOf(given)];
        const line = given.words.map(wordText).join(' ');
        const judgement = judgementOf(given, ours, real);
        counts[judgement]++;
        if (record !== undefined) recorded.push(JSON.stringify({ ...given, right: real }));
        if (judgement === 'misread')
          write(
            `misread (seed ${seed}): ${line}\n  given: ${JSON.stringify(given.stdin)} a ${JSON.stringify(given.files.a)}\n  right: ${shown(real)}\n  ours:  ${shown(ours)}\n`,
          );
        else if (all && judgement !== 'alike')
          write(
            `${judgement} (seed ${seed}): ${line}: ${(judgement === 'refused' ? ours : real).stderr.split('\n')[0]}\n`,
          );
      }
      wrong += counts.misread;
      write(
        `${name}: ${counts.alike} alike, ${counts.refused} refused here, ${counts.lenient} taken here alone, ${counts.misread} misread\n`,
      );
    }
    if (record !== undefined) writeFileSync(record, `${recorded.join('\n')}\n`);
    write(`${wrong} misread.\n`);
    return wrong === 0 ? 0 : 1;
  },
});
