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

/** Fields of each line that is not empty, with its number. */
function rowsOf(text: string): { line: number; fields: string[] }[] {
  const separator = ['\t', ';', ','].find(each => text.includes(each)) ?? ',',
    rows: { line: number; fields: string[] }[] = [];
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
      field = quoted ? '' : field;
    } else if (quoted) field += letter;
    else if (letter === separator) end();
    else if (letter === '\n') endLine();
    else field += letter;
  }
  endLine();
  return rows;
}

/** @throws Error with a line for each mistake, as in `class.csv:3: …` */
export function readClass(text: string, path: string): HandedIn[] {
  const rows = rowsOf(text.replace(/^\uFEFF/, '').replace(/\r\n?/g, '\n')),
    wrong: string[] = [];
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
      wrong.push(`${path}:${line}: “${fields.join(', ')}” is no name and code. Write NAME,CODE.`);
      return [];
    }
    return [{ ...student, ...(fields[seed] ? { seed: fields[seed] } : {}) }];
  });
  if (rows.length === 0) wrong.push(`${path}: the file is empty. Write a line NAME,CODE for each student.`);
  if (wrong.length > 0) throw new Error(wrong.join('\n'));
  return students;
}
