/** Codes of a class as a table of comma-separated values (RFC 4180), with semicolons or tabs as well: a line for each student, name, code and, where it is another, seed. */

export interface HandedIn {
  name: string;
  code: string;
  seed?: string;
}

/** Columns by what a first line may call them. */
const COLUMNS: Readonly<Record<keyof HandedIn, RegExp>> = {
  name: /^(name|student|nombre|alumno)$/i,
  code: /^(code|código|codigo)$/i,
  seed: /^(seed|semilla)$/i,
};

/** More mistakes are those of a file of another kind. */
const MOST_TOLD = 20,
  /** Of a line's content. */
  MOST_QUOTED = 60;
/** Of no text, but for tab and line ends; a terminal would take them for commands. */
const CONTROLS = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/;

/** Fields of each line that is not empty, with its number; the first one says what is between them. `open`: where a quotation mark is not closed. */
function rowsOf(text: string): { rows: { line: number; fields: string[] }[]; open?: number } {
  const [first] = text.trimStart().split('\n', 1),
    separator = ['\t', ';', ','].find(each => first!.includes(each)) ?? ',',
    rows: { line: number; fields: string[] }[] = [];
  let opened = 1;
  let fields: string[] = [],
    field = '',
    quoted = false,
    line = 1,
    began = 1;
  const end = (): void => {
    fields.push(field.trim());
    field = '';
  };
  const endLine = (): void => {
    end();
    if (fields.some(each => each !== '')) rows.push({ line: began, fields });
    fields = [];
    began = line;
  };
  for (let i = 0; i < text.length; i++) {
    const letter = text[i]!;
    if (letter === '\n') line++;
    if (quoted && letter === '"' && text[i + 1] === '"') field += text[++i]!;
    else if (letter === '"' && (quoted || field.trim() === '')) {
      quoted = !quoted;
      opened = line;
      field = quoted ? '' : field;
    } else if (quoted) field += letter;
    else if (letter === separator) end();
    else if (letter === '\n') endLine();
    else field += letter;
  }
  if (quoted) return { rows, open: opened };
  endLine();
  return { rows };
}

/** @throws Error with a line for each mistake, as in `class.csv:3: …` */
export function readClass(text: string, path: string): HandedIn[] {
  if (CONTROLS.test(text))
    throw new Error(`${path} is no table of text. Save it as CSV, with a line NAME,CODE for each student.`);
  const { rows, open } = rowsOf(text.replace(/^\uFEFF/, '').replace(/\r\n?/g, '\n')),
    wrong: string[] = [];
  if (open !== undefined)
    wrong.push(`${path}:${open}: a quotation mark is not closed. Write another one behind the field.`);
  const [head] = rows,
    isHead = head?.fields.some(field => COLUMNS.code.test(field)) ?? false,
    at = (column: keyof HandedIn, usual: number): number =>
      isHead ? head!.fields.findIndex(field => COLUMNS[column].test(field)) : usual;
  const [name, code, seed] = [at('name', 0), at('code', 1), at('seed', 2)];
  if (isHead && name < 0)
    wrong.push(`${path}:${head!.line}: no column is called name. Call the one with the names so.`);
  const students = rows.slice(isHead ? 1 : 0).flatMap(({ line, fields }) => {
    const student = { name: fields[name] ?? '', code: fields[code] ?? '' };
    if (student.name === '' || (!isHead && fields.length < 2)) {
      wrong.push(`${path}:${line}: “${shortOf(fields.join(', '))}” is no name and code. Write NAME,CODE.`);
      return [];
    }
    return [{ ...student, ...(fields[seed] ? { seed: fields[seed] } : {}) }];
  });
  if (rows.length === 0 && wrong.length === 0)
    wrong.push(`${path}: the file is empty. Write a line NAME,CODE for each student.`);
  const rest = wrong.splice(MOST_TOLD).length;
  if (rest > 0) wrong.push(`and ${rest} more of them.`);
  if (wrong.length > 0) throw new Error(wrong.join('\n'));
  return students;
}

const shortOf = (text: string): string => (text.length > MOST_QUOTED ? `${text.slice(0, MOST_QUOTED)}…` : text);
