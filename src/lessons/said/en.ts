/** What is said of a file that is no lesson or course yet, and of a lesson that does not go on, in English. A translation is one more file like this. */

/** `kind`: of a step. */
const heading = (kind: string): string => `## ${kind[0]!.toUpperCase()}${kind.slice(1)}`;

export const en = {
  // The file and its head.
  long: (most: number) => `A lesson has at most ${most} characters, and this file has more. Drop another, or part it.`,
  begins: 'A lesson begins with a line ---, its title, and another line ---. Write them.',
  headIsOpen: 'The head is not closed. Write a line --- behind it.',
  noTitle: 'The lesson has no title. Write title: and its name into the head.',
  inHead: (line: string) =>
    `“${line}” means nothing in a head. Write title: WORDS, about: WORDS, goal: WORDS, picture: NAME of GUEST or draw NAME: LOW to HIGH step STEP.`,
  picture: (value: string, pictures: string) => `“${value}” is no picture. There are ${pictures}.`,
  draw: (value: string, name: string) =>
    `“${value}” says no numbers. Write for example draw ${name}: 100 to 900 step 50.`,
  drawn: (name: string) =>
    `{${name}} is not drawn. Write draw ${name}: 10 to 20 into the head, or leave the braces out.`,
  // Steps.
  step: (title: string) =>
    `“${title}” is no step. Write ## Predict, ## Do, ## Measure, ## Explain or ## In reality, or take ### for a heading inside a step.`,
  order: (title: string, before: string | undefined) =>
    `${title} cannot follow ${before ? `## ${before}` : 'the head'}. The order is Predict, Do, Measure, Explain, and In reality at the end.`,
  noReality: 'The lesson does not end with a heading ## In reality. Write what is not so on real hardware.',
  beforeSteps: 'There is text before the first step. Begin with ## Predict.',
  html: (text: string) => `${text} is HTML, which a lesson cannot have. Write it as Markdown.`,
  image: 'A lesson has no pictures: it shows the machine. Leave the picture out.',
  // Guests.
  noGuest: 'The lesson has no guest. Write a block that begins with ```guest and holds its definition.',
  mostGuests: (most: number) => `A lesson has at most ${most} guests.`,
  noName: 'The definition has no name. Write name = "lab", in letters, digits, _ and -.',
  twice: (name: string) => `There are two guests called ${name}. Give one another name.`,
  kernel: (kernel: string, small: string) =>
    `kernel = "${kernel}" is no kernel that a lesson has. Write minipv.elf, demo.elf or ${small}.`,
  // Blocks and their lines.
  place: (word: string, place: string) => `A block of ${word} belongs below ${heading(place)}. Move it there.`,
  meant: (word: string, meant: string) => `A block of “${word}” would be shown as text. Did you mean \`\`\`${meant}?`,
  empty: (word: string) => `The block of ${word} is empty. Write a line into it, or leave it out.`,
  predict: 'A prediction is one line, NAME: QUESTION. Write for example guess: How many exits will there be?',
  row: (line: string) =>
    `“${line}” measures nothing. Write NAME = EXPRESSION | WORDS, and | NAME of a prediction behind it where there is one.`,
  hint: (line: string) => `“${line}” is no hint. Write NAME < EXPRESSION | what such an answer overlooks.`,
  check: (line: string) => `“${line}” is no check. Write EXPRESSION | what holds | what to do where it does not.`,
  action: (line: string, forms: string) => `“${line}” is nothing that the page can do. Write one of: ${forms}.`,
  // Expressions.
  expression: (text: string, why: string) => `In “${text}”: ${why}`,
  mostWords: (words: number, most: number) => `the expression has ${words} words, more than ${most}. Make two of it.`,
  ends: 'the expression ends where a number or a name should be. Complete it.',
  parenthesis: 'a parenthesis is not closed. Write ).',
  noWord: (word: string) =>
    `“${word}” is neither a number nor a name. Write + - * / = < > <= >= and, with spaces around them.`,
  behind: (word: string) =>
    `“${word}” is where the expression should end. Write an operator with spaces around it before it.`,
  // Names.
  guest: (name: string, guests: readonly string[]) =>
    `No guest of the lesson is called ${name}. There ${guests.length === 1 ? 'is' : 'are'} ${guests.join(', ') || 'none'}.`,
  fact: (fact: string, near: string | undefined) =>
    `There is no fact ${fact}. ${near ? `Did you mean ${near}?` : 'The guide for authors lists all facts.'}`,
  unknown: (name: string) =>
    `${name} is neither measured before nor predicted. Write it into a block of measure first.`,
  hintAbout: (answer: string) =>
    `A hint is about ${answer || 'nothing'}, but no prediction has that name. Begin it with the name of a prediction.`,
  prediction: (name: string) => `No prediction is called ${name}. Write a block of predict with ${name}: QUESTION.`,
  // While it is gone through.
  run: {
    noSource: (guest: string) => `${guest} has no source that could be changed. Take a small guest.`,
    noLine: (guest: string, lines: number, line: number) =>
      `The source of ${guest} has ${lines} lines, and no line ${line}. Fix the lesson.`,
    gone: (guest: string) => `${guest} does not run. Begin the step again.`,
    noFact: (name: string) => `The machine has no fact ${name}.`,
    infinite: (row: string) => `“${row}” has no value: something is divided by 0. Begin the step again.`,
    undefined: 'It has no value: 0 is divided by 0.',
  },
  // Courses.
  course: {
    long: (most: number) => `A course has at most ${most} characters, and this file has more. Part it.`,
    inHead: (line: string) => `“${line}” means nothing in a course’s head. Write course: WORDS or about: WORDS.`,
    begins: 'A course begins with a line ---, course: and its name, and another line ---. Write them.',
    empty: 'The course has no lesson. Write a list: 1. [its title](its word, or its https address).',
    place: (text: string) => `“${text}” has no place in a course. Write headings of level 2, text, and ordered lists.`,
    entry: (text: string) =>
      `“${text}” is no lesson. Write [its title](its word, or its https address), and words behind it.`,
  },
};

export type Said = typeof en;
/** A sentence, in the language that is asked for. */
export type Says = (said: Said) => string;
