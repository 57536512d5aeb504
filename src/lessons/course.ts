/**
 * A course: an ordered list of lessons in one Markdown file. Its head has `course:` and `about:`; headings of level 2 are its parts; each entry of an ordered
 * list begins with a link to a lesson of the page, by its word, or to one at an https address, and may say something behind it.
 */
import { lexer, type Token, type Tokens } from 'marked';
import type { Problem, Wrong } from './form.ts';
import { refuseHtml } from './html.ts';
import { MOST_CHARACTERS } from './limits/index.ts';
import { en, type Said } from './said/en.ts';

/** `id`: a lesson's word, or its address. `says`: what follows the link. */
export interface CourseEntry {
  id: string;
  title: string;
  says: string;
}

export interface CoursePart {
  title: string;
  says: string;
  entries: CourseEntry[];
}

export interface Course {
  title: string;
  about: string;
  parts: CoursePart[];
}

/** A file with such a head is a course, and no lesson. */
export const isCourse = (text: string): boolean => /^---[^]*?\n\s*course\s*:[^]*?\n---/.test(text.slice(0, 4096));

const IS_LESSON = /^(?:[a-z\d-]+|https:\/\/\S+)$/;

/** `said`: the language of its errors. */
export function readCourse(text: string, said: Said = en): { course: Course; problems: Problem[] } {
  const problems: Problem[] = [],
    wrong: Wrong = (line, says) => void problems.push({ line, text: says(said) }),
    course: Course = { title: '', about: '', parts: [] };
  if (text.length > MOST_CHARACTERS) {
    wrong(1, ({ course: { long } }) => long(MOST_CHARACTERS));
    return { course, problems };
  }
  const lines = text.replace(/\r\n?/g, '\n').split('\n'),
    end = lines.findIndex((line, i) => i > 0 && line.trim() === '---');
  for (let i = 1; i < end; i++) {
    const [, key, words] = /^\s*(course|about)\s*:\s*(.+?)\s*$/.exec(lines[i]!) ?? [];
    if (key === 'course') course.title = words!;
    else if (key === 'about') course.about = words!;
    else if (lines[i]!.trim() !== '') wrong(i + 1, ({ course: { inHead } }) => inHead(lines[i]!.trim()));
  }
  if (lines[0]?.trim() !== '---' || end < 0 || course.title === '') wrong(1, said => said.course.begins);
  readParts(lexer(lines.slice(end + 1).join('\n')), end + 2, course, wrong);
  if (course.parts.every(({ entries }) => entries.length === 0)) wrong(lines.length, said => said.course.empty);
  return { course, problems: problems.sort((a, b) => a.line - b.line) };
}

function readParts(tokens: Token[], first: number, course: Course, wrong: Wrong): void {
  let line = first;
  for (const token of tokens) {
    const here = line;
    line += token.raw.split('\n').length - 1;
    if (token.type === 'space') continue;
    refuseHtml(token, here, wrong);
    if (token.type === 'heading' && (token as Tokens.Heading).depth === 2) {
      course.parts.push({ title: (token as Tokens.Heading).text, says: '', entries: [] });
      continue;
    }
    if (course.parts.length === 0) course.parts.push({ title: '', says: '', entries: [] });
    const part = course.parts.at(-1)!;
    if (token.type === 'paragraph')
      part.says = part.says ? `${part.says} ${(token as Tokens.Paragraph).text}` : token.text;
    else if (token.type === 'list' && (token as Tokens.List).ordered) {
      let at = here;
      for (const item of (token as Tokens.List).items) {
        readEntry(item, at, part, wrong);
        at += item.raw.split('\n').length - (item.raw.endsWith('\n') ? 1 : 0);
      }
    } else wrong(here, ({ course: { place } }) => place(token.raw.trim().slice(0, 40)));
  }
}

function readEntry(item: Tokens.ListItem, line: number, part: CoursePart, wrong: Wrong): void {
  const [, title, id, says = ''] = /^\[([^\]]+)\]\(([^)\s]+)\)\s*[:,–-]?\s*([^]*)$/.exec(item.text.trim()) ?? [];
  if (title === undefined || !IS_LESSON.test(id!))
    wrong(line, ({ course: { entry } }) => entry(item.text.trim().slice(0, 60)));
  else part.entries.push({ id: id!, title, says: says.trim() });
}

/** The entry behind a lesson, of those that are there; undefined: it is the last, or none. */
export function nextInCourse(
  { parts }: Course,
  id: string,
  isThere: (id: string) => boolean = () => true,
): CourseEntry | undefined {
  const all = parts.flatMap(({ entries }) => entries),
    at = all.findIndex(entry => entry.id === id);
  return at < 0 ? undefined : all.slice(at + 1).find(entry => isThere(entry.id));
}
