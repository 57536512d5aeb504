/** `ringside grade LESSON CODE…`: are these the codes that the lesson gives? For a whole class at once, with what a wrong one suggests. */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import {
  type Exact,
  handInCode,
  type Known,
  type Lesson,
  readLesson,
  seedOf,
  walkThrough,
  whyWrong,
} from '../../lessons/index.ts';
import { Output } from '../boot/terminal.ts';
import { UsageError } from '../boot/usage-error.ts';
import { cannotRead } from '../file-bytes.ts';
import { lessonHost, PAGE_LESSONS } from '../page-lessons.ts';
import { csvField } from '../../formats/csv/index.ts';
import { type HandedIn, readClass } from './class-file.ts';

const SOME_WRONG = 1,
  WRONG_USE = 2;
const STANDARD_INPUT = 0;

const gradeHelp = (): string => `Usage: ringside grade LESSON [options] [NAME=]CODE…
       ringside grade LESSON [options] --class FILE

Are these the codes that students get at the end of a lesson? What a wrong one suggests is printed after it: another lesson, another version,
somebody else's numbers, a letter that was typed wrong.

  LESSON        ${[...PAGE_LESSONS.keys()].join(', ')},
                or a lesson's file
  --seed WORD   the seed in the class's link
  --class FILE  a table with a line NAME,CODE for each student (and SEED, where it is the student's own); -: standard input.
                Its first line may name the columns
  --csv         print a table of comma-separated values: name, code, right or wrong, why

Status: 0 all are right, ${SOME_WRONG} some are wrong, ${WRONG_USE} wrong use.
`;

interface Asked {
  lesson: { id: string | undefined; text: string };
  seed: string;
  students: HandedIn[];
  csv: boolean;
}

function ask(argv: string[]): Asked | undefined {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      seed: { type: 'string', default: '' },
      class: { type: 'string' },
      csv: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return undefined;
  const [name, ...codes] = positionals;
  if (name === undefined) throw new UsageError('write ringside grade LESSON CODE…, or --help.');
  if (codes.length > 0 === (values.class !== undefined))
    throw new UsageError('write either codes or --class FILE behind the lesson.');
  const students = codes.map(code => {
    const at = code.lastIndexOf('=');
    return { name: at < 0 ? '' : code.slice(0, at), code: code.slice(at + 1) };
  });
  const { class: path } = values;
  return {
    lesson: lessonOf(name),
    seed: values.seed,
    csv: values.csv,
    students:
      path === undefined
        ? students
        : readClass(textOf(path === '-' ? STANDARD_INPUT : path, '--class'), path === '-' ? 'standard input' : path),
  };
}

function lessonOf(name: string): Asked['lesson'] {
  const text = PAGE_LESSONS.get(name);
  if (text !== undefined) return { id: name, text };
  if (!/\.(md|markdown)$/i.test(name))
    throw new UsageError(
      `there is no lesson ${name}. There are ${[...PAGE_LESSONS.keys()].join(', ')}, and files (.md).`,
    );
  return { id: undefined, text: textOf(name, 'LESSON') };
}

/** @throws UsageError `option`: what had named the file */
function textOf(file: string | typeof STANDARD_INPUT, option: string): string {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw new UsageError(`${file} ${cannotRead(error)} (${option}).`);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new UsageError(`${file} is no text in UTF-8; save it as one (${option}).`);
  }
}

/** Walks through the lesson, once for all seeds that draw the same numbers. */
class Expected {
  private readonly asked: Asked['lesson'];
  private readonly exact = new Map<string, Promise<Exact>>();

  constructor(asked: Asked['lesson']) {
    this.asked = asked;
  }

  /** @throws Error with all that is wrong with the lesson's file */
  lesson(seed: string): Lesson {
    const { lesson, problems } = readLesson(this.asked.text, seed, this.asked.id);
    if (problems.length > 0)
      throw new Error(
        `the lesson has mistakes.\n${problems.map(({ line, text }) => `line ${line}: ${text}`).join('\n')}`,
      );
    return lesson;
  }

  async code(seed: string): Promise<string> {
    const lesson = this.lesson(seed),
      drawn = JSON.stringify([...lesson.drawn]),
      exact = this.exact.get(drawn) ?? this.measured(lesson);
    this.exact.set(drawn, exact);
    return handInCode(lesson, await exact);
  }

  private async measured(lesson: Lesson): Promise<Exact> {
    return (await walkThrough(lesson, await lessonHost())).exact;
  }
}

/** Grades what was handed in; a sentence for each wrong code. */
async function graded({ lesson, seed, students }: Asked): Promise<(HandedIn & { why: string | undefined })[]> {
  const expected = new Expected(lesson),
    seedFor = (student: HandedIn): string => seedOf(student.seed ?? seed, student.name);
  const known: Known = {
    lessons: [...PAGE_LESSONS].map(([id, text]) => ({ id, title: readLesson(text, '', id).lesson.title })),
    seeds: [
      ...students.map(student => ({ seed: seedFor(student), who: student.name })),
      { seed, who: 'the class’s link without a name' },
    ],
  };
  const found = [];
  for (const student of students)
    found.push({ ...student, why: whyWrong(student.code, await expected.code(seedFor(student)), known) });
  return found;
}

export async function grade(argv: string[]): Promise<number> {
  const stdout = new Output(1),
    stderr = new Output(2);
  try {
    const asked = ask(argv);
    if (!asked) return (stdout.text(gradeHelp()), 0);
    const found = await graded(asked),
      right = found.filter(({ why }) => why === undefined).length;
    if (asked.csv)
      stdout.text(
        [
          'name,code,result,why',
          ...found.map(({ name, code, why }) =>
            [name, code, why ? 'wrong' : 'right', why ?? ''].map(csvField).join(','),
          ),
        ]
          .join('\n')
          .concat('\n'),
      );
    else {
      for (const { name, code, why } of found)
        stdout.text(
          `${why ? 'wrong' : 'right'}  ${[name, code].filter(Boolean).join('  ')}${why ? `\n       ${why}` : ''}\n`,
        );
      stdout.text(`${right} of ${found.length} ${found.length === 1 ? 'code is' : 'codes are'} right.\n`);
    }
    return right === found.length ? 0 : SOME_WRONG;
  } catch (error) {
    stderr.text(`ringside grade: ${(error as Error).message}\n`);
    return WRONG_USE;
  }
}
