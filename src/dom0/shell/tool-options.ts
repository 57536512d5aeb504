/**
 * Which options of just-bash's tools (3.4.2) are right. Options that it does not know it refuses itself; what it knows and reads otherwise than the manual says
 * is refused here, in the tool's words, before the tool runs: a wrong answer that looks right is worse than none. `npm run -s judge:tools` finds these.
 */
/** Options of one letter: those that have a value, and those that have none. Source: the manuals of coreutils, findutils, gawk and diffutils. */
export const OPTIONS: Record<string, readonly [valued: string, flags: string]> = {
  awk: ['Fvfe', ''],
  base64: ['w', 'di'],
  basename: ['s', 'az'],
  comm: ['', '123z'],
  cut: ['bcdf', 'nsz'],
  // -I may have a value of its own, in the same word.
  date: ['drf', 'uR'],
  diff: ['UCLW', 'uqrsabBiwcNyetdE'],
  du: ['dB', 'shackmbxLlS'],
  env: ['uCS', 'iv0'],
  expand: ['t', 'i'],
  fold: ['w', 'bs'],
  head: ['nc', 'qvz'],
  ln: ['St', 'bdfFiLnPrsTv'],
  ls: ['wIT', 'aAbBcCdDfFgGhHiklLmnNopqQrRsStuUvxXZ1'],
  md5sum: ['', 'btcwz'],
  mkdir: ['m', 'pvZ'],
  nl: ['bwsvidfhln', 'p'],
  od: ['AtNjSw', 'abcdfhilosvx'],
  readlink: ['', 'femnqsvz'],
  rm: ['', 'frRdviI'],
  seq: ['fs', 'w'],
  sha1sum: ['', 'btcwz'],
  sha256sum: ['', 'btcwz'],
  split: ['lbnaC', 'dxe'],
  stat: ['cf', 'Lt'],
  strings: ['nt', 'afw'],
  tail: ['ncs', 'fFqvz'],
  timeout: ['sk', 'v'],
  tr: ['', 'cCdst'],
  touch: ['dtr', 'acmh'],
  tree: ['LPIo', 'adfipsuvh'],
  unexpand: ['t', 'a'],
  uniq: ['fsw', 'cdDiuz'],
};

/** Each option, and each value, as a word of its own. */
export function apart(words: readonly string[], [valued, flags]: readonly [string, string]): string[] {
  const result: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i];
    if (word === '--') return [...result, ...words.slice(i)];
    if (!/^-[^-]/.test(word)) {
      result.push(word);
      continue;
    }
    const letters: string[] = [];
    let at = 1;
    while (at < word.length && flags.includes(word[at])) letters.push(`-${word[at++]}`);
    if (at === word.length) result.push(...letters);
    else if (!valued.includes(word[at])) result.push(word);
    else {
      result.push(...letters, `-${word[at]}`);
      const value = word.slice(at + 1);
      if (value !== '') result.push(value);
      // A value is none of the options, whatever it begins with.
      else if (i + 1 < words.length) result.push(words[++i]);
    }
  }
  return result;
}

/** What a tool was given: letters (long names where there is none) with their values, in their order, and what is no option. */
export interface Given {
  options: readonly { name: string; value: string | undefined }[];
  operands: readonly string[];
}

/** Long options by the letters that are the same. Source: the manuals of coreutils and grep. */
const LONG: Record<string, Record<string, string>> = {
  base64: { decode: 'd', wrap: 'w' },
  cut: { bytes: 'b', characters: 'c', fields: 'f', delimiter: 'd', 'only-delimited': 's' },
  expand: { tabs: 't', initial: 'i' },
  fold: { width: 'w', bytes: 'b', spaces: 's' },
  md5sum: { binary: 'b', text: 't', check: 'c' },
  rm: { force: 'f', recursive: 'r', verbose: 'v' },
  ls: {
    all: 'a',
    'almost-all': 'A',
    directory: 'd',
    reverse: 'r',
    recursive: 'R',
    classify: 'F',
    'human-readable': 'h',
  },
  mkdir: { parents: 'p', verbose: 'v', mode: 'm' },
  readlink: { canonicalize: 'f' },
  seq: { 'equal-width': 'w', separator: 's', format: 'f' },
  split: { lines: 'l', bytes: 'b', number: 'n', 'suffix-length': 'a' },
  tr: { delete: 'd', 'squeeze-repeats': 's', complement: 'c' },
  unexpand: { tabs: 't', all: 'a' },
  uniq: {
    count: 'c',
    repeated: 'd',
    'ignore-case': 'i',
    unique: 'u',
    'skip-fields': 'f',
    'skip-chars': 's',
    'check-chars': 'w',
  },
};
LONG.sha1sum = LONG.sha256sum = LONG.md5sum;
/** Their options end at the first word that is none. */
const IN_ORDER = new Set(['awk', 'env', 'timeout', 'seq', 'tr']);

/** Words by a tool's options; undefined: this is none whose options are known here. */
export function givenTo(name: string, words: readonly string[]): Given | undefined {
  if (!Object.hasOwn(OPTIONS, name)) return undefined;
  const [valued] = OPTIONS[name],
    options: { name: string; value: string | undefined }[] = [],
    operands: string[] = [];
  const queue = apart(words, OPTIONS[name]);
  for (let word = queue.shift(); word !== undefined; word = queue.shift()) {
    if (word === '--') return { options, operands: [...operands, ...queue] };
    const [, long, value] = /^--([a-z-]+)(?:=(.*))?$/s.exec(word) ?? [];
    const letter = long === undefined ? /^-(.)$/s.exec(word)?.[1] : LONG[name]?.[long];
    if (!/^-./s.test(word) || (name === 'seq' && /^-[\d.]/.test(word))) {
      operands.push(word);
      if (IN_ORDER.has(name)) return { options, operands: [...operands, ...queue] };
    } else if (letter === undefined) options.push({ name: word.slice(1), value: undefined });
    else options.push({ name: letter, value: valued.includes(letter) ? (value ?? queue.shift()) : value });
  }
  return { options, operands };
}

/** The same with each option in front, short, and a word of its own. */
export function inFront({ options, operands }: Given): string[] {
  const words = options.flatMap(({ name, value }) => [`-${name}`, ...(value === undefined ? [] : [value])]);
  return [...words, ...(operands.some(word => /^-./s.test(word)) ? ['--'] : []), ...operands];
}

/** What is not right, of a tool's options together: the end of a sentence that begins with the tool's name. */
type Check = (
  options: ReadonlyMap<string, readonly string[]>,
  operands: readonly string[],
  count: number,
) => string | undefined;

const TRY = (name: string): string => `\nTry '${name} --help' for more information.`;
const notHere = (what: string): string => `${what} is not offered here`;
const several =
  (...letters: string[]): Check =>
  options => {
    const given = letters.filter(letter => options.has(letter));
    return given.length > 1 ? notHere(given.map(each => `-${each}`).join(' with ')) : undefined;
  };
const none =
  (...letters: string[]): Check =>
  options => {
    const found = letters.find(letter => options.has(letter));
    return found === undefined ? undefined : notHere(`-${found}`);
  };
/** The values that an option has here; `said`: what the tool says of others. */
const only =
  (letter: string, right: RegExp, said: (value: string) => string): Check =>
  options => {
    const wrong = options.get(letter)?.find(value => !right.test(value));
    return wrong === undefined ? undefined : said(wrong);
  };
/** Escapes and classes that tr's sets have here. */
const trSets: Check = (options, operands) => {
  const [first = '', second] = operands;
  if (options.has('d') && !options.has('s') && operands.length > 1) return `extra operand '${second}'${TRY('tr')}`;
  if (operands.some(set => /\\[0-7x]|\[.\*\d*\]|\[=.=\]|\[\../.test(set)))
    return notHere('a set with a number of a character, a repetition or an equivalence class');
  const back = operands.map(set => /([a-zA-Z0-9])-([a-zA-Z0-9])/.exec(set)).find(range => range && range[1] > range[2]);
  if (back) return `range-endpoints of '${back[0]}' are in reverse collating sequence order`;
  if (second === '' && !options.has('d')) return 'when not truncating set1, string2 must be non-empty';
  if ((options.has('c') || options.has('C')) && second !== undefined && [...second].length > 1)
    return notHere('a complement with a second set of several characters');
  if (first === '' && options.has('d') && options.has('s'))
    return notHere('-ds with an empty first set (leave -d out)');
  const classes = first.match(/\[:[a-z]+:\]/g) ?? [],
    isCase = /^\[:(?:upper|lower):\]$/;
  if (!options.has('d') && second !== undefined && second.length > 1 && classes.some(name => !isCase.test(name)))
    return notHere('a class with a second set of several characters (write the characters of the class)');
  if (options.has('d') && options.has('s') && /\[:/.test(second ?? ''))
    return notHere('-ds with a class in the second set (write its characters)');
  const cases = (set = ''): boolean => /\[:(?:upper|lower):\]/.test(set);
  return cases(second) && !cases(first) && !options.has('d')
    ? 'misaligned [:upper:] and/or [:lower:] construct'
    : undefined;
};

/** The letters of a format's conversions, with `*` where a width or precision is a value of its own. */
const conversionsIn = (format: string): string[] =>
  [...format.replaceAll('%%', '').matchAll(/%[-+ #0']*(\*|\d*)(?:\.(\*|\d*))?[hlLjzt]*([a-zA-Z])/g)].flatMap(
    ([, width, precision, letter]) => [...(width === '*' ? ['*'] : []), ...(precision === '*' ? ['*'] : []), letter],
  );

/** What printf has otherwise of its values, which go through the format again and again. */
function ofValues(letters: readonly string[], values: readonly string[]): string | undefined {
  const count = letters.length === 0 ? 0 : Math.max(1, Math.ceil(values.length / letters.length)) * letters.length;
  for (let i = 0; i < count; i++) {
    const letter = letters[i % letters.length],
      value = values[i];
    if (letter === '*' && value !== undefined && !/^-?(?:0|[1-9]\d*)$/.test(value))
      return notHere(`'*' with '${value}' (write a decimal number)`);
    if (letter === 'c' && !value) return notHere("'%c' of an empty value, which writes a NUL (use '\\0')");
    if (/[uxXo]/.test(letter) && /^\s*-/.test(value ?? '')) return notHere(`'%${letter}' of a number below 0 (use %d)`);
    if (/[aAeEfFgG]/.test(letter) && /^\s*(?:[-+]?0[xX]|["'])/.test(value ?? ''))
      return notHere(`'%${letter}' of a hexadecimal number or a character (use %d)`);
  }
  return undefined;
}

/** `b` shows itself in what is written. */
const SUMS: readonly Check[] = [
  none('b'),
  options =>
    options.has('c') && (options.has('t') || options.has('-tag'))
      ? `the --binary and --text options are meaningless when verifying checksums`
      : undefined,
];

const CHECKS: Record<string, readonly Check[]> = {
  awk: [
    (options, operands) =>
      !options.has('f') && /%[-+ #\d.]*[eE]/.test(operands[0] ?? '') ? notHere("'%e'") : undefined,
    (options, operands) => {
      const program = options.has('f') ? '' : (operands[0] ?? '');
      const found = [...program.matchAll(/\blength\s*\(?\s*([A-Za-z_]\w*)\b(?!\s*[[(])/g)].find(([, name]) =>
        new RegExp(`\\b${name}\\s*\\[|\\bin\\s+${name}\\b|split\\([^;]*,\\s*${name}\\b`).test(program),
      );
      return found ? notHere(`length of an array (count in a loop: for (k in ${found[1]}) n++)`) : undefined;
    },
    only('v', /^[A-Za-z_]\w*=/s, value => `improper assignment: -v ${value}`),
    (_options, operands) =>
      operands.slice(1).some(word => word === '-' || /^[A-Za-z_]\w*=/.test(word))
        ? notHere("an assignment or '-' among files")
        : undefined,
  ],
  base64: [only('w', /^\d+$/, value => `invalid wrap size: '${value}'`)],
  date: [
    (options, operands) => {
      const format = operands.find(word => !word.startsWith('+'));
      if (format !== undefined)
        return `the argument '${format}' lacks a leading '+';\nwhen using an option to specify date(s), any non-option\nargument must be a format string beginning with '+'${TRY('date')}`;
      if (operands.length > 0 && [...options.keys()].some(name => /^(?:I|R|-iso|-rfc)/.test(name)))
        return 'multiple output formats specified';
      return operands.some(word => /%[-_0^#+:\dEONq]/.test(word))
        ? notHere('a format with a flag, a width, a modifier or %q')
        : undefined;
    },
  ],
  expand: [only('t', /^\d+$/, () => notHere('a list of tab stops'))],
  uniq: [several('u', 'd')],
  md5sum: SUMS,
  sha1sum: SUMS,
  sha256sum: SUMS,
  printf: [
    (_options, operands) => {
      const [format = '', ...values] = operands.filter((word, i) => i > 0 || word !== '--');
      if (/%[-+ #0]*(?:\d+|\*)(?:\.\d+)?c/.test(format)) return notHere("a width of '%c'");
      if (format.includes('\\c')) return notHere("'\\c' in a format");
      return ofValues(conversionsIn(format), values);
    },
  ],
  rm: [several('r', 'v'), several('R', 'v')],
  find: [
    (_options, words) => {
      const format = words[words.indexOf('-printf') + 1] ?? '';
      const [, letter] =
        (words.includes('-printf') && /%[-\d.]*([^%fhpPsdmMt])/.exec(format.replace(/%%|%T./g, ''))) || [];
      return letter === undefined ? undefined : notHere(`'%${letter}' in -printf (use stat -c)`);
    },
    (_options, words) =>
      words.includes('-prune') && words.includes('-mindepth')
        ? notHere('-prune with -mindepth (name the folders in it instead)')
        : undefined,
  ],
  ls: [several('d', 'R')],
  mkdir: [
    several('p', 'v'),
    only('m', /^[0-7]{1,4}$/, value =>
      /^[0-7ugoa=+,rwxXst-]+$/.test(value) ? notHere(`-m ${value}`) : `invalid mode '${value}'`,
    ),
  ],
  seq: [
    (options, operands) =>
      options.has('w') && operands.some(word => /^0\d|\.|^-|e/i.test(word))
        ? notHere('-w with other than whole numbers from 1 on')
        : undefined,
    (options, operands) => {
      const [first = 1, step = 1, last = 1] = operands.length === 3 ? operands.map(Number) : [];
      return options.has('w') && (last - first) % step !== 0
        ? notHere('-w with a last number that is not reached (write the one that is)')
        : undefined;
    },
    (_options, operands) =>
      operands.slice(0, -1).some(word => /\./.test(word)) || !operands.at(-1)?.includes('.')
        ? undefined
        : notHere('a last number with more digits than those before it'),
  ],
  split: [none('n')],
  tr: [trSets],
  unexpand: [none('a', 't')],
};

/** Why a tool does not run with these words, as it says it; undefined: nothing is known against it. */
export function refusalOf(name: string, { options, operands }: Given): string | undefined {
  const byName = new Map<string, string[]>();
  for (const { name: option, value } of options) byName.set(option, [...(byName.get(option) ?? []), value ?? '']);
  for (const check of CHECKS[name] ?? []) {
    const wrong = check(byName, operands, options.length);
    if (wrong !== undefined) return `${name}: ${wrong}`;
  }
  return undefined;
}

/** Tools that end with another status than 1 where they are used wrongly. */
export const WRONG_USE_STATUS: Record<string, number> = {
  awk: 2,
  diff: 2,
  ls: 2,
};
/** Tools that have failed where they have said something. */
export const FAILS_WITH_WORDS = new Set(['cat', 'cut', 'md5sum', 'mv', 'sha1sum', 'sha256sum', 'tee', 'touch']);
