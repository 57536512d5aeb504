/**
 * A lesson: one Markdown file. Its head says what it is and which numbers are drawn; its steps are headings of level 2 (Predict, Do, Measure, Explain, in
 * rounds, and In reality at the end); fenced blocks with the words guest, predict, do, measure and check are what the page does. Another one is source: after
 * its language it may say where it comes from, as in `c guests/minipv/blkfront.c:35 mark=37`. What a line of do means may follow it, after ` | `; of a
 * line of measure, `*word*` is what it counts, shown next to what was done. `[word](# "what it is")` explains a word. It may be anybody's file: nothing in it is run, HTML is
 * refused, and what is wrong is reported with its line, all of it at once.
 */
import { lexer, type Token, type Tokens } from 'marked';
import { nearest } from '../dom0/definitions/config/index.ts';
import { bitmapOf, EXCEPTION_VECTORS, EXIT_SWITCHES } from '../hypervisor/view/index.ts';
import { checkSum } from './code.ts';
import { type Expression, readExpression, WrongExpression } from './expression.ts';
import {
  type Action,
  BARE,
  type Check,
  type ChosenControls,
  type Hint,
  type Kind,
  type Lesson,
  type Part,
  type Problem,
  type Row,
  VALUED,
  type Verb,
  type Wrong,
} from './form.ts';
import { refuseHtml } from './html.ts';
import { MOST_CHARACTERS } from './limits/index.ts';
import { checkNames } from './names.ts';
import { PICTURES } from './pictures.ts';
import { en, type Said } from './said/en.ts';
import { isSmallGuest, SMALL_GUESTS } from './small-guests.ts';

const MOST_GUESTS = 4,
  MOST_RUN_MS = 10_000;
const HEADINGS: Readonly<Record<string, Kind>> = {
  predict: 'predict',
  do: 'do',
  measure: 'measure',
  explain: 'explain',
  'in reality': 'reality',
};
/** Where a block may be. */
const BLOCKS: Readonly<Record<string, Kind>> = {
  predict: 'predict',
  do: 'do',
  measure: 'measure',
  check: 'measure',
  hint: 'measure',
};
const ORDER: Readonly<Record<Kind, readonly (Kind | undefined)[]>> = {
  predict: [undefined, 'explain'],
  do: ['predict'],
  measure: ['do'],
  explain: ['measure'],
  reality: ['explain'],
};
const KERNELS = /^(minipv|demo)\.elf$/;

/** Reads a lesson with the numbers of this seed. `id`: of a lesson of the page; `said`: the language of its errors. */
export function readLesson(
  text: string,
  seed: string,
  id?: string,
  said: Said = en,
): { lesson: Lesson; problems: Problem[] } {
  const problems: Problem[] = [];
  const wrong: Wrong = (line, says) => void problems.push({ line, text: says(said) });
  const lines = text.replace(/\r\n?/g, '\n').split('\n'),
    lineOf = new Map<object, number>();
  const lesson: Lesson = {
    id: id ?? '',
    version: numbersOf(lines),
    title: '',
    about: '',
    goals: [],
    seed,
    drawn: new Map(),
    guests: [],
    pictures: [],
    steps: [],
  };
  if (text.length > MOST_CHARACTERS) {
    wrong(1, ({ long }) => long(MOST_CHARACTERS));
    return { lesson, problems };
  }
  const drawn = new Map<string, number>();
  let start = 0;
  if (lines[0]?.trim() !== '---') wrong(1, ({ begins }) => begins);
  else {
    const end = lines.findIndex((line, i) => i > 0 && line.trim() === '---');
    if (end < 0) wrong(1, ({ headIsOpen }) => headIsOpen);
    else {
      for (let i = 1; i < end; i++) readHead(lines[i]!, i + 1, lesson, drawn, wrong, lineOf);
      start = end + 1;
    }
  }
  Object.assign(lesson, { drawn, id: id ?? lesson.title });
  if (lesson.title === '') wrong(1, ({ noTitle }) => noTitle);
  const body = lines.slice(start).map((line, i) =>
    line.replace(/\{(\w+)\}/g, (whole, name: string) => {
      const value = drawn.get(name);
      if (value === undefined) wrong(start + i + 1, ({ drawn: notDrawn }) => notDrawn(name));
      return String(value ?? whole);
    }),
  );
  readBody(lexer(body.join('\n')), start + 1, lesson, wrong, lineOf);
  const last = lesson.steps.at(-1);
  if (last?.kind !== 'reality') wrong(lines.length, ({ noReality }) => noReality);
  if (lesson.guests.length === 0) wrong(lines.length, ({ noGuest }) => noGuest);
  checkNames(lesson, wrong, what => lineOf.get(what) ?? lines.length);
  return { lesson, problems: problems.sort((a, b) => a.line - b.line) };
}

/** What a lesson's numbers follow from: lines that draw, and of each block the input of the machine, without the text for people. */
function numbersOf(lines: readonly string[]): string {
  const found: string[] = [];
  let block: string | undefined;
  for (const line of lines) {
    const [, fence] = /^```\s*(\w*)/.exec(line) ?? [];
    if (fence !== undefined) block = block === undefined ? fence : undefined;
    else if (/^\s*draw\s/.test(line) || /^(guest|do|measure)$/.test(block ?? ''))
      found.push(line.split(' | ')[0]!.trim().replace(/\s+/g, ' '));
  }
  return found.join('\n');
}

/** `lineOf`: the position of what has a guest's name. */
function readHead(
  line: string,
  at: number,
  lesson: Lesson,
  drawn: Map<string, number>,
  wrong: Wrong,
  lineOf: Map<object, number>,
): void {
  if (line.trim() === '') return;
  const [, key, name, value] = /^\s*(title|about|goal|picture|draw)(?:\s+(\w+))?\s*:\s*(.*?)\s*$/.exec(line) ?? [];
  if (key === 'title' && value) lesson.title = value;
  else if (key === 'about' && value) lesson.about = value;
  else if (key === 'goal' && value) lesson.goals.push(value);
  else if (key === 'picture' && value) {
    const [, inspector = '', guest] = /^([\w-]+)(?: of ([\w-]+))?$/.exec(value) ?? [];
    if (!Object.hasOwn(PICTURES, inspector) || PICTURES[inspector] !== (guest === undefined ? 'host' : 'guest'))
      return wrong(at, ({ picture: no }) =>
        no(
          value,
          Object.entries(PICTURES)
            .map(([id, of]) => (of === 'guest' ? `${id} of GUEST` : id))
            .join(', '),
        ),
      );
    const picture = { inspector, ...(guest === undefined ? {} : { guest }) };
    lineOf.set(picture, at);
    lesson.pictures.push(picture);
  } else if (key === 'draw' && name) {
    const [, low, high, step = '1'] = /^(\d{1,7}) to (\d{1,7})(?: step (\d{1,7}))?$/.exec(value!) ?? [];
    if (low === undefined || Number(high) < Number(low) || Number(step) < 1)
      return wrong(at, ({ draw }) => draw(value!, name));
    const choices = Math.floor((Number(high) - Number(low)) / Number(step)) + 1;
    drawn.set(name, Number(low) + Number(step) * (checkSum(`${lesson.seed} ${name}`) % choices));
  } else wrong(at, ({ inHead }) => inHead(line.trim()));
}

function readBody(tokens: Token[], line: number, lesson: Lesson, wrong: Wrong, lineOf: Map<object, number>): void {
  let at = line;
  for (const token of tokens) {
    const here = at;
    at += token.raw.split('\n').length - 1;
    if (token.type === 'space') continue;
    refuseHtml(token, here, wrong);
    const step = lesson.steps.at(-1);
    if (token.type === 'heading' && (token as Tokens.Heading).depth === 2) {
      const [word = '', ...rest] = (token as Tokens.Heading).text.split(':'),
        kind = HEADINGS[word.trim().toLowerCase()],
        name = rest.join(':').trim();
      if (!kind) wrong(here, ({ step: no }) => no((token as Tokens.Heading).text));
      else if (!ORDER[kind].includes(step?.kind))
        wrong(here, ({ order }) => order((token as Tokens.Heading).text, step?.kind));
      if (kind) lesson.steps.push({ kind, ...(name === '' ? {} : { name }), parts: [] });
      continue;
    }
    if (token.type === 'code') {
      const { lang = '', text } = token as Tokens.Code;
      const [written = ''] = lang.split(/\s+/),
        meant = misspelt(written),
        word = meant ?? written;
      // It is read as what was meant, so that nothing else is reported of names in it.
      if (meant) wrong(here, said => said.meant(written, meant));
      if (word === 'guest') {
        readGuest(text, here, lesson, wrong);
        continue;
      }
      const place = BLOCKS[word];
      if (place) {
        if (step?.kind !== place) wrong(here, said => said.place(word, place));
        step?.parts.push(readBlock(word, text, here + 1, wrong, lineOf));
        continue;
      }
    }
    if (!step) {
      wrong(here, ({ beforeSteps }) => beforeSteps);
      continue;
    }
    const last = step.parts.at(-1);
    if (last?.kind === 'text') last.tokens.push(token);
    else step.parts.push({ kind: 'text', tokens: [token] });
  }
}

const FENCES = ['guest', ...Object.keys(BLOCKS)];
/** Languages of source that are nearer to a block's word than a slip of the finger. */
const LANGUAGES = new Set(['c', 'd', 'dot', 'go', 'md', 'rust']);

/** The block that a word of a fence was meant to be; undefined: it is that already, or a language. */
function misspelt(word: string): string | undefined {
  const plain = word.toLowerCase().replace(/[^a-z]+$/, '');
  return word === '' || FENCES.includes(word) || LANGUAGES.has(plain) ? undefined : nearest(plain, FENCES);
}

function readGuest(text: string, line: number, lesson: Lesson, wrong: Wrong): void {
  const name = /^\s*name\s*=\s*["']([\w-]{1,32})["']/m.exec(text)?.[1];
  const kernel = /^\s*kernel\s*=\s*["']([^"']*)["']/m.exec(text)?.[1];
  if (!name) wrong(line, ({ noName }) => noName);
  else if (lesson.guests.some(guest => guest.name === name)) wrong(line, ({ twice }) => twice(name));
  if (!kernel || !(KERNELS.test(kernel) || isSmallGuest(kernel)))
    wrong(line, said => said.kernel(kernel ?? '', SMALL_GUESTS.join(', ')));
  if (lesson.guests.length === MOST_GUESTS) wrong(line, ({ mostGuests }) => mostGuests(MOST_GUESTS));
  lesson.guests.push({ name: name ?? '', text });
}

/** Lines of blocks that name something are kept in `lineOf`. */
function readBlock(word: string, text: string, first: number, wrong: Wrong, lineOf: Map<object, number>): Part {
  const placed = <T extends object>(what: T, line: number): T => (lineOf.set(what, line), what);
  const rows = text
    .split('\n')
    .map((source, i) => ({ source: source.trim(), line: first + i }))
    .filter(({ source }) => source !== '');
  if (rows.length === 0) wrong(first, ({ empty }) => empty(word));
  if (word === 'predict') {
    const [row] = rows;
    const [, name, ask] = /^(\w+)\s*:\s*(.+)$/.exec(row?.source ?? '') ?? [];
    if (row && (!name || rows.length > 1)) wrong(row.line, ({ predict }) => predict);
    return { kind: 'ask', name: name ?? '', text: ask ?? '' };
  }
  if (word === 'do')
    return {
      kind: 'actions',
      actions: rows.flatMap(({ source, line }) => {
        const [what = '', says] = source.split(/\s+\|\s+/);
        return readAction(what, line, wrong).map(action => placed({ ...action, ...(says ? { says } : {}) }, line));
      }),
    };
  const expression = (source: string, line: number): Expression | undefined => {
    try {
      return readExpression(source);
    } catch (error) {
      wrong(line, said => said.expression(source, error instanceof WrongExpression ? error.says(said) : String(error)));
      return undefined;
    }
  };
  const of = <T extends object>(read: (source: string, line: number) => T | undefined): T[] =>
    rows.flatMap(({ source, line }) => {
      const found = read(source, line);
      return found ? [placed(found, line)] : [];
    });
  if (word === 'measure') return { kind: 'rows', rows: of((source, line) => readRow(source, line, expression, wrong)) };
  if (word === 'hint') return { kind: 'hints', hints: of((source, line) => readHint(source, line, expression, wrong)) };
  return { kind: 'checks', checks: of((source, line) => readCheck(source, line, expression, wrong)) };
}

type ReadExpression = (source: string, line: number) => Expression | undefined;

function readRow(source: string, line: number, expression: ReadExpression, wrong: Wrong): Row | undefined {
  const [sum = '', says = '', guess] = source.split(/\s+\|\s+/);
  const [, name, sign, text] = /^(\w+)\s*([=~])\s*(.+)$/.exec(sum) ?? [];
  if (!name || !says) {
    wrong(line, ({ row }) => row(source));
    return undefined;
  }
  const read = expression(text!, line),
    unit = /\*([^*]+)\*/.exec(says)?.[1];
  return (
    read && {
      name,
      expression: read,
      isExact: sign === '=',
      text: says.replace(/\*([^*]+)\*/, '$1'),
      ...(unit ? { unit } : {}),
      ...(guess ? { guess } : {}),
    }
  );
}

function readHint(source: string, line: number, expression: ReadExpression, wrong: Wrong): Hint | undefined {
  const [test = '', text = ''] = source.split(/\s+\|\s+/);
  if (!text) {
    wrong(line, ({ hint }) => hint(source));
    return undefined;
  }
  const read = expression(test, line);
  return read && { expression: read, answer: read.names[0] ?? '', text };
}

function readCheck(source: string, line: number, expression: ReadExpression, wrong: Wrong): Check | undefined {
  const [test = '', holds = '', fails = ''] = source.split(/\s+\|\s+/);
  if (!holds || !fails) {
    wrong(line, ({ check }) => check(source));
    return undefined;
  }
  const read = expression(test, line);
  return read && { expression: read, holds, fails };
}

/** What can be done, as it is written. */
const FORMS = [
  'type GUEST: WORDS',
  'edit GUEST LINE: TEXT',
  `run N ms (N ≤ ${MOST_RUN_MS})`,
  'xl sched-credit -d GUEST -w WEIGHT -c CAP',
  'xl sched-credit -s -t MS',
  `xl exit-controls GUEST ${EXIT_SWITCHES.join('|')}=0|1 exceptions=VECTORS ple-gap=CLOCKS ple-window=CLOCKS`,
  `xl ${VALUED.join('|')} GUEST MIB`,
  `xl ${BARE.join('|')} GUEST`,
  'xl migrate GUEST localhost',
].join(', ');

function readAction(source: string, line: number, wrong: Wrong): Action[] {
  const typed = /^type ([\w-]+): (.+)$/.exec(source);
  if (typed) return [{ kind: 'type', guest: typed[1]!, text: typed[2]! }];
  const run = /^run (\d{1,6}) ms$/.exec(source);
  if (run && Number(run[1]) >= 1 && Number(run[1]) <= MOST_RUN_MS) return [{ kind: 'run', ms: Number(run[1]) }];
  const edit = /^edit ([\w-]+) (\d{1,4}): (.+)$/.exec(source);
  if (edit && Number(edit[2]) >= 1) return [{ kind: 'edit', guest: edit[1]!, line: Number(edit[2]), text: edit[3]! }];
  const slice = /^xl sched-credit -s -t (\d{1,4})$/.exec(source);
  if (slice && Number(slice[1]) >= 1 && Number(slice[1]) <= 1000) return [{ kind: 'slice', ms: Number(slice[1]) }];
  const shares = /^xl sched-credit -d ([\w-]+)((?: -[wc] \d{1,5})+)$/.exec(source);
  if (shares) {
    const of = (letter: string): number | undefined =>
      ((found: string | undefined) => (found === undefined ? undefined : Number(found)))(
        new RegExp(` -${letter} (\\d+)`).exec(shares[2]!)?.[1],
      );
    const weight = of('w'),
      cap = of('c');
    return [
      {
        kind: 'shares',
        guest: shares[1]!,
        ...(weight === undefined ? {} : { weight }),
        ...(cap === undefined ? {} : { cap }),
      },
    ];
  }
  const valued = new RegExp(`^xl (${VALUED.join('|')}) ([\\w-]+) (\\d{1,4})$`).exec(source);
  if (valued) return [{ kind: 'xl', verb: valued[1] as Verb, guest: valued[2]!, value: Number(valued[3]) }];
  const bare = new RegExp(`^xl (${BARE.join('|')}) ([\\w-]+)$`).exec(source);
  if (bare) return [{ kind: 'xl', verb: bare[1] as Verb, guest: bare[2]! }];
  const moved = /^xl migrate ([\w-]+) localhost$/.exec(source);
  if (moved) return [{ kind: 'migrate', guest: moved[1]! }];
  const chosen = /^xl exit-controls ([\w-]+)((?: [a-z\d-]+=[\d,]+)+)$/.exec(source),
    controls = chosen && readControls(chosen[2]!.trim().split(' '));
  if (chosen && controls) return [{ kind: 'controls', guest: chosen[1]!, controls }];
  wrong(line, ({ action }) => action(source, FORMS));
  return [];
}

/** NAME=0, NAME=1, exceptions=VECTORS, ple-gap=CLOCKS and ple-window=CLOCKS; undefined: a word is none of these. */
function readControls(words: readonly string[]): ChosenControls | undefined {
  const controls: ChosenControls = {};
  for (const word of words) {
    const [name, value = ''] = word.split('='),
      known = EXIT_SWITCHES.find(each => each === name);
    const vectors = value.split(',').map(Number);
    if (known && /^[01]$/.test(value)) controls[known] = value === '1';
    else if (name === 'exceptions' && vectors.every(vector => EXCEPTION_VECTORS.includes(vector)))
      controls.exceptions = bitmapOf(vectors);
    else if ((name === 'ple-gap' || name === 'ple-window') && Number(value) > 0) controls[name] = Number(value);
    else return undefined;
  }
  return controls;
}
