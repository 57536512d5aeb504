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
  egrep: ['efABCmd', 'EFGPivwxcLlqsohnHrRazbUT'],
  env: ['uCS', 'iv0'],
  expand: ['t', 'i'],
  fgrep: ['efABCmd', 'EFGPivwxcLlqsohnHrRazbUT'],
  fold: ['w', 'bs'],
  grep: ['efABCmd', 'EFGPivwxcLlqsohnHrRazbUT'],
  head: ['nc', 'qvz'],
  join: ['12jtoeav', 'iz'],
  ln: ['St', 'bdfFiLnPrsTv'],
  ls: ['wIT', 'aAbBcCdDfFgGhHiklLmnNopqQrRsStuUvxXZ1'],
  md5sum: ['', 'btcwz'],
  mkdir: ['m', 'pvZ'],
  nl: ['bwsvidfhln', 'p'],
  od: ['AtNjSw', 'abcdfhilosvx'],
  paste: ['d', 'sz'],
  readlink: ['', 'femnqsvz'],
  rm: ['', 'frRdviI'],
  seq: ['fs', 'w'],
  sha1sum: ['', 'btcwz'],
  sha256sum: ['', 'btcwz'],
  sort: ['ktoST', 'bdfghiMnRrVcCmsuz'],
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
  grep: {
    regexp: 'e',
    file: 'f',
    'ignore-case': 'i',
    'invert-match': 'v',
    'word-regexp': 'w',
    'line-regexp': 'x',
    count: 'c',
    'files-with-matches': 'l',
    'files-without-match': 'L',
    quiet: 'q',
    silent: 'q',
    'no-messages': 's',
    'line-number': 'n',
    'no-filename': 'h',
    'with-filename': 'H',
    'only-matching': 'o',
    'extended-regexp': 'E',
    'fixed-strings': 'F',
    'basic-regexp': 'G',
    'perl-regexp': 'P',
    recursive: 'r',
    'max-count': 'm',
    'after-context': 'A',
    'before-context': 'B',
    context: 'C',
    text: 'a',
  },
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
  paste: { delimiters: 'd', serial: 's' },
  readlink: { canonicalize: 'f' },
  seq: { 'equal-width': 'w', separator: 's', format: 'f' },
  sort: {
    reverse: 'r',
    'numeric-sort': 'n',
    unique: 'u',
    key: 'k',
    'field-separator': 't',
    output: 'o',
    'ignore-case': 'f',
    'ignore-leading-blanks': 'b',
    'human-numeric-sort': 'h',
    'month-sort': 'M',
    'version-sort': 'V',
    'dictionary-order': 'd',
    stable: 's',
    check: 'c',
  },
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
LONG.egrep = LONG.fgrep = LONG.grep;
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
const standardInput: Check = (_options, operands) =>
  operands.includes('-') && operands.length > 1 ? notHere("'-' (standard input) among files") : undefined;
const inGrep = [
  only('m', /^\d+$/, () => 'invalid max count'),
  ((options, operands) =>
    (options.has('l') || options.has('L')) && operands.length < (options.has('e') || options.has('f') ? 1 : 2)
      ? notHere('-l or -L of standard input')
      : undefined) satisfies Check,
  several('E', 'F', 'G', 'P'),
  ((options, operands) =>
    (options.has('r') || options.has('R')) && operands.length < (options.has('e') || options.has('f') ? 1 : 2)
      ? notHere('-r without a folder')
      : undefined) satisfies Check,
];
/** Escapes and classes that tr's sets have here. */
const trSets: Check = (options, operands) => {
  const [first, second] = operands;
  if (options.has('d') && !options.has('s') && operands.length > 1) return `extra operand '${second}'${TRY('tr')}`;
  if (operands.some(set => /\\[0-7x]|\[.\*\d*\]|\[=.=\]|\[\../.test(set)))
    return notHere('a set with a number of a character, a repetition or an equivalence class');
  const back = operands.map(set => /([a-zA-Z0-9])-([a-zA-Z0-9])/.exec(set)).find(range => range && range[1] > range[2]);
  if (back) return `range-endpoints of '${back[0]}' are in reverse collating sequence order`;
  if (second === '' && !options.has('d')) return 'when not truncating set1, string2 must be non-empty';
  if ((options.has('c') || options.has('C')) && second !== undefined && [...second].length > 1)
    return notHere('a complement with a second set of several characters');
  const cases = (set = ''): boolean => /\[:(?:upper|lower):\]/.test(set);
  return cases(second) && !cases(first) && !options.has('d')
    ? 'misaligned [:upper:] and/or [:lower:] construct'
    : undefined;
};

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
      return operands.some(word => /%[-_0^#+:\dEON]/.test(word))
        ? notHere('a format with a flag, a width or a modifier')
        : undefined;
    },
  ],
  expand: [only('t', /^\d+$/, () => notHere('a list of tab stops'))],
  uniq: [several('u', 'd')],
  expr: [
    (_options, operands) => (operands[0] === 'match' ? notHere("'match' (write STRING : REGEX)") : undefined),
    (_options, operands) =>
      operands.filter(word => word !== '--').length === 0 ? `missing operand${TRY('expr')}` : undefined,
  ],
  md5sum: SUMS,
  sha1sum: SUMS,
  sha256sum: SUMS,
  printf: [
    (_options, operands) => {
      const format = operands.find(word => word !== '--') ?? '';
      if (/%[-+ #0]*(?:\d+|\*)(?:\.\d+)?c/.test(format)) return notHere("a width of '%c'");
      return format.includes('\\c') ? notHere("'\\c' in a format") : undefined;
    },
  ],
  rm: [several('r', 'v'), several('R', 'v')],
  egrep: inGrep,
  fgrep: inGrep,
  grep: inGrep,
  join: [
    options => {
      const field = options.get('1')?.[0] ?? options.get('2')?.[0] ?? options.get('j')?.[0];
      return field === '0' ? `invalid field number: '0'` : undefined;
    },
    none('i'),
    options =>
      options.has('v') && (options.has('1') || options.has('2') || options.has('j'))
        ? notHere('-v with -1, -2 or -j')
        : undefined,
  ],
  ls: [several('d', 'R')],
  mkdir: [
    several('p', 'v'),
    only('m', /^[0-7]{1,4}$/, value =>
      /^[0-7ugoa=+,rwxXst-]+$/.test(value) ? notHere(`-m ${value}`) : `invalid mode '${value}'`,
    ),
  ],
  paste: [
    only('d', /^(?!.*\\[^n0\\])(?!.*\\$).*$/s, () => notHere("an escape other than '\\n', '\\0' and '\\\\' in -d")),
  ],
  seq: [
    (options, operands) =>
      options.has('w') && operands.some(word => /^0\d|\.|^-|e/i.test(word))
        ? notHere('-w with other than whole numbers from 1 on')
        : undefined,
    (_options, operands) =>
      operands.slice(0, -1).some(word => /\./.test(word)) || !operands.at(-1)?.includes('.')
        ? undefined
        : notHere('a last number with more digits than those before it'),
  ],
  sort: [
    none('h'),
    (_options, operands) => standardInput(new Map(), operands, 0),
    only('t', /^(?:.|\\0)$/s, value => (value === '' ? 'empty tab' : `multi-character tab '${value}'`)),
    options => {
      const order = [...'ghMnV'].filter(letter => options.has(letter));
      return order.length > 1 ? `options '-${order.join('')}' are incompatible` : undefined;
    },
    none('M'),
    options =>
      options.has('k') &&
      ['n', 'r', 'f', 'b', 'd', 'g', 'h', 'V'].some(letter => options.has(letter)) &&
      options.get('k')!.some(key => /[a-zA-Z]/.test(key))
        ? notHere('-k with an order of its own next to another')
        : undefined,
    options => (options.has('V') && options.has('k') ? notHere('-V with -k') : undefined),
    options =>
      options.has('u') && ['n', 'h', 'V', 'k', 'b', 'd'].some(letter => options.has(letter))
        ? notHere('-u with another order')
        : undefined,
    only(
      'k',
      /^[1-9]\d*(?:\.[1-9]\d*)?[bfnr]*(?:,[1-9]\d*(?:\.\d+)?[bfnr]*)?$/,
      value => `invalid or unsupported key: '${value}'`,
    ),
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
  egrep: 2,
  fgrep: 2,
  grep: 2,
  ls: 2,
  sort: 2,
};
/** Tools that have failed where they have said something. */
export const FAILS_WITH_WORDS = new Set([
  'cat',
  'cut',
  'grep',
  'egrep',
  'fgrep',
  'md5sum',
  'mv',
  'sha1sum',
  'sha256sum',
  'tee',
  'touch',
]);
