/** The page's lessons, walked on a host in virtual time: each says what is true, and what it says was measured. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  englishSaid,
  type Lesson,
  LessonRun,
  MOST_MINUTES,
  planOf,
  readCourse,
  readGlossary,
  readLesson,
  spanishSaid,
} from '../../lessons/index.ts';
import { LESSONS } from './list.ts';
import { lessonHost, read, text, walk } from './walk.test-support.ts';

describe('the page’s lessons', () => {
  it('trap and emulate: exits by programmed I/O follow from the sectors, by DMA from the commands, and a repeated walk has the same code', async () => {
    const lesson = read('trap-and-emulate', 'a');
    const { values, failed, code } = await walk(lesson);
    expect(failed).toBeUndefined();
    expect(values.pio).toBe(3 * lesson.drawn.get('sectors')!);
    expect([values.level, values.per, values.before]).toEqual([0, 15, 24]);
    const again = await walk(lesson);
    expect([again.values, again.code]).toEqual([values, code]);
    expect((await walk(read('trap-and-emulate', 'b'))).code).not.toBe(code);
  });

  it('a ring request: one at a time each rings, together they share', async () => {
    const lesson = read('ring-request', 'a');
    const { values, failed, run } = await walk(lesson);
    expect(failed).toBeUndefined();
    const requests = lesson.drawn.get('sectors')! / 8 + 1;
    expect(values).toMatchObject({
      requests,
      answers: requests,
      rings: requests,
      back: requests,
      again: requests,
      io: 0,
    });
    expect(values.together).toBe(Math.ceil((requests - 1) / lesson.drawn.get('depth')!) + 1);
    // A step that is begun again finds the machine as it was: what is measured then is the same.
    const second = lesson.steps.findLastIndex(({ kind }) => kind === 'do');
    await run.reset(second);
    await run.act(lesson.steps[second]!);
    expect((await run.measure(second + 1, new Map())).measured.map(({ value }) => value)).toEqual([
      values.again,
      values.together,
    ]);
  });

  it('whoever comes back to a measurement measures what was done before it', async () => {
    const lesson = read('trap-and-emulate', 'a'),
      { values } = await walk(lesson),
      run = new LessonRun(lesson, await lessonHost()),
      last = lesson.steps.findLastIndex(({ kind }) => kind === 'measure');
    await run.start();
    await run.goTo(last, new Map());
    expect((await run.measure(last, new Map())).measured.map(({ value }) => value)).toEqual([
      values.dma,
      values.per,
      values.before,
    ]);
  });

  it('a step that is done tells so, with what the machine has counted by it', async () => {
    const lesson = read('ring-request', 'a'),
      host = await lessonHost(),
      run = new LessonRun(lesson, host),
      step = lesson.steps.findIndex(({ kind }) => kind === 'do');
    await run.start();
    await run.begin(step);
    expect(await run.progress(step)).toMatchObject({
      done: [{ isDone: false }, { isDone: false }],
      counted: { value: 0 },
    });
    await run.act(lesson.steps[step]!);
    const { done, counted } = await run.progress(step);
    expect(done[0]).toEqual({ isDone: true });
    expect([counted?.value, counted?.row.unit]).toEqual([lesson.drawn.get('sectors')! / 8 + 1, 'doorbells']);
  });

  it('weight and cap: shares follow from the weights, and a cap holds', async () => {
    const { values, failed } = await walk(read('weight-and-cap', 'a'));
    expect(failed).toBeUndefined();
    expect(Math.abs(values.share! - values.expected!)).toBeLessThan(10);
  });

  it('quote source as it stands in its file', () => {
    let quoted = 0;
    for (const { id } of LESSONS)
      for (const [, path, first, about, lines] of text(id).matchAll(
        /^```\w+ (\S+):(\d+) mark=(\d+)\n([^]*?)\n```$/gm,
      )) {
        const all = readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8').split('\n'),
          said = lines!.split('\n'),
          at = Number(first) - 1;
        expect(said).toEqual(all.slice(at, at + said.length));
        expect(Number(about) - 1 - at).toBeLessThan(said.length);
        quoted++;
      }
    expect(quoted).toBeGreaterThan(2);
  });

  it('notice that nothing was done', async () => {
    const { failed } = await walk(read('ring-request', 'a'), { without: () => true });
    expect(failed).toContain('Begin the step again');
  });

  it('are listed in the order of the course, which “Next lesson” follows', () => {
    const course = readFileSync(new URL('courses/virtualization.md', import.meta.url), 'utf8');
    expect(LESSONS.map(({ id }) => id)).toEqual([...course.matchAll(/\]\(([\w-]+)\)/g)].map(([, id]) => id));
  });

  it.each(LESSONS.map(({ id }) => id))('%s draws other numbers from other seeds, and has a box on reality', id => {
    const drawn = new Set(['a', 'b', 'c', 'd', 'e', 'f'].map(seed => JSON.stringify([...read(id, seed).drawn])));
    expect(drawn.size).toBeGreaterThan(2);
    expect(read(id, 'a').steps.at(-1)?.kind).toBe('reality');
    // For who teaches it: it fits into an hour of a school.
    expect(planOf(read(id, 'a')).minutes).toBeLessThanOrEqual(MOST_MINUTES);
    expect(read(id, 'a').goals.length).toBeGreaterThan(1);
    expect(read(id, 'a').title).toBe(LESSONS.find(lesson => lesson.id === id)!.title);
  });
});

const folder = (path: string): string[] => readdirSync(new URL(path, import.meta.url));
const file = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');

describe('what stands around lessons', () => {
  it('a course of the page has lessons of the page, by their titles', () => {
    for (const name of folder('./courses')) {
      const { course, problems } = readCourse(file(`./courses/${name}`));
      expect(problems).toEqual([]);
      for (const { id, title } of course.parts.flatMap(({ entries }) => entries))
        expect([id, title]).toEqual([id, LESSONS.find(lesson => lesson.id === id)?.title]);
    }
  });

  const translated = folder('./texts/es');

  it('a word that a lesson links is in the glossary of its language', () => {
    const texts = [
      ...LESSONS.map(({ id }) => ['en', text(id)] as const),
      ...translated.map(name => ['es', file(`./texts/es/${name}`)] as const),
    ];
    let linked = 0;
    for (const [language, lesson] of texts) {
      const terms = readGlossary(file(`./glossary/${language}.md`));
      for (const [, term] of lesson.matchAll(/\]\(#([a-z\d-]+)\)/g)) {
        expect([...terms.keys()]).toContain(term);
        linked++;
      }
    }
    expect(linked).toBeGreaterThan(9);
  });

  it.each(translated)(
    'a translation tells the machine what the lesson does, and asks and checks the same: %s',
    name => {
      const id = name.replace(/\.md$/, ''),
        { lesson, problems } = readLesson(file(`./texts/es/${name}`), 'a', id),
        original = read(id, 'a');
      /** What of a lesson is no word. */
      const sums = ({ version, steps, pictures, drawn, goals }: Lesson) => [
        version,
        goals.length,
        pictures,
        [...drawn],
        steps.map(({ kind, parts }) => [
          kind,
          parts.map(part => [
            part.kind,
            part.kind === 'ask' && part.name,
            part.kind === 'checks' && part.checks.map(({ expression }) => expression.text),
            part.kind === 'hints' && part.hints.map(({ expression }) => expression.text),
          ]),
        ]),
      ];
      expect(problems).toEqual([]);
      expect(sums(lesson)).toEqual(sums(original));
      expect(lesson.title).not.toBe(original.title);
    },
  );
});

describe('a lesson that somebody wrote', () => {
  it('is told all that is wrong with it, with the lines', () => {
    const own =
      '---\ntitel: x\ndraw n: many\n---\n```guest\nname = "lab"\nkernel = "vmlinuz"\n```\n## Predict\n<b>bold</b>\n\n## Measure\n```measure\nx = lab.exits +\ny = nobody.exits | words\n```\n';
    const told = readLesson(own, 's')
      .problems.map(({ line, text: sentence }) => `${line}: ${sentence}`)
      .join('\n');
    for (const said of [
      '2: “titel: x” means nothing',
      '3: “many” says no numbers',
      '1: The lesson has no title',
      '5: kernel = "vmlinuz"',
      '10: "<b>" is HTML',
      '12: Measure cannot follow',
      '14: “x = lab.exits +” measures nothing',
      'No guest of the lesson is called nobody',
      'does not end with a heading ## In reality',
    ])
      expect(told).toContain(said);
  });

  it('is told a misspelt block, and what the machine has no fact or guest for, where it stands', () => {
    const own =
      '---\ntitle: x\npicture: exits of lba\n---\n```guest\nname = "lab"\nkernel = "minipv.elf"\n```\n## Predict\n```pedict\ng: h\n```\n```predict\ng: h\n```\n## Do\n```do\nrun 1 ms\ntype lba: x\n```\n## Measure\n```measure\nx = lab.exit.OI | words\n```\n```check\ny = 1 | a | b\n```\n```c\nint x;\n```\n## Explain\nE\n## In reality\nR\n';
    expect(readLesson(own, 's').problems.map(({ line, text: sentence }) => `${line}: ${sentence}`)).toEqual([
      '3: No guest of the lesson is called lba. There is lab.',
      '10: A block of “pedict” would be shown as text. Did you mean ```predict?',
      '19: No guest of the lesson is called lba. There is lab.',
      '23: There is no fact exit.OI. Did you mean exit.IO?',
      '26: y is neither measured before nor predicted. Write it into a block of measure first.',
    ]);
  });

  it('is told a misspelt block alone, and nothing of the names in it', () => {
    const text = file('./texts/ring-request.md').replace('```predict', '```pedict');
    expect(readLesson(text, 's').problems.length).toBe(1);
  });

  it('is told of HTML and pictures where they stand, in a list and a table, too', () => {
    const own =
        '---\ntitle: x\n---\n## Predict\none\ntwo <i>\n![x](y)\n\n- a\n  - b\n  - <b>\n\n| a | b |\n|---|---|\n| c | <u> |\n\n> a\n> <s>\n',
      found = readLesson(own, 's').problems.filter(({ text }) => /HTML|picture/.test(text));
    expect(found.map(({ line }) => line)).toEqual([6, 7, 11, 15, 18]);
  });

  it('is told in the language of the page what is wrong, at the same lines', () => {
    const own = '---\ntitel: x\n---\ntext\n## Predict\n```pedict\ng: h\n```\n```check\na + | b | c\n```\n',
      { problems } = readLesson(own, 's', undefined, spanishSaid);
    expect(problems.map(({ line }) => line)).toEqual(readLesson(own, 's').problems.map(({ line }) => line));
    expect(problems.map(({ text }) => text)).toContain(
      'Un bloque de «pedict» se mostraría como texto. ¿Querías decir ```predict?',
    );
    expect(problems.find(({ text }) => text.startsWith('En «a +»:'))?.line).toBe(10);
  });

  it.each([
    [englishSaid, 'It has no value: 0 is divided by 0.', 'The machine has no fact lab.note.never.'],
    [spanishSaid, 'No tiene valor: 0 se divide entre 0.', 'La máquina no tiene ningún dato lab.note.never.'],
  ])('never passes a check that cannot be evaluated, and says why', async (said, noValue, noFact) => {
    const own =
        '---\ntitle: x\n---\n```guest\nname = "lab"\ntype = "pvh"\nmemory = 4\nkernel = "minipv.elf"\n```\n## Predict\n```predict\ng: h\n```\n## Do\n```do\nrun 1 ms\n```\n## Measure\n```measure\nx = lab.memory_mib | words\n```\n```check\n( x - x ) / ( x - x ) | a | b\nlab.note.never = 0 | c | d\nx = 4 | e | f\n```\n## Explain\nE\n## In reality\nR\n',
      { lesson, problems } = readLesson(own, 's'),
      run = new LessonRun(lesson, await lessonHost(), said);
    expect(problems).toEqual([]);
    await run.start();
    await run.act(lesson.steps[1]!);
    expect((await run.measure(2, new Map())).judged.map(({ holds, problem }) => [holds, problem])).toEqual([
      [false, noValue],
      [false, noFact],
      [true, undefined],
    ]);
  });

  it('explains a line of do behind it, and says in a word what a row counts', () => {
    const own =
      '---\ntitle: x\n---\n```guest\nname = "lab"\nkernel = "minipv.elf"\n```\n## Predict\n```predict\ng: h\n```\n## Do\n```do\ntype lab: sum 0 8 | eight sectors\nrun 1 ms\n```\n## Measure\n```measure\nx = lab.exits | *exits* so far | g\n```\n## Explain\nE\n## In reality\nR\n';
    const { lesson, problems } = readLesson(own, 's');
    expect(problems).toEqual([]);
    expect(lesson.steps[1]!.parts).toEqual([
      {
        kind: 'actions',
        actions: [
          { kind: 'type', guest: 'lab', text: 'sum 0 8', says: 'eight sectors' },
          { kind: 'run', ms: 1 },
        ],
      },
    ]);
    expect(lesson.steps[2]!.parts[0]).toMatchObject({ rows: [{ text: 'exits so far', unit: 'exits', guess: 'g' }] });
  });

  it.each(['', '---', '---\n---\n', '\0\0\0', '#'.repeat(200_000), '```guest', '## Do\n```do\nrun 99999 ms\n```'])(
    'is refused without an exception: %j',
    own => {
      expect(readLesson(own, 's').problems.length).toBeGreaterThan(0);
    },
  );

  it('has no names of objects for facts, and no code', () => {
    for (const expression of ['constructor.constructor', 'a = 1;alert(1)', '__proto__']) {
      const own = `---\ntitle: x\n---\n\`\`\`guest\nname = "lab"\nkernel = "minipv.elf"\n\`\`\`\n## Predict\n\`\`\`predict\ng: h\n\`\`\`\n## Do\n\`\`\`do\nrun 1 ms\n\`\`\`\n## Measure\n\`\`\`measure\nx = ${expression} | words\n\`\`\`\n## Explain\nE\n## In reality\nR\n`;
      expect(readLesson(own, 's').problems.length).toBeGreaterThan(0);
    }
  });
});
