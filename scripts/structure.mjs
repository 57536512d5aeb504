/**
 * Counts of the structure of sources, each with its pattern: what `npm run -s counts` prints below its table of rooms. `files`: path → text, tests among them;
 * `parse`: Vite's parseSync.
 */
import { posix } from 'node:path';

export const isOfTests = path => /\.test\.|test-support/.test(path);
const withoutTests = files => new Map([...files].filter(([path]) => path.startsWith('src/') && !isOfTests(path)));
const linesOf = text => text.split('\n').length - 1;
const countOf = (text, pattern) => [...text.matchAll(pattern)].length;

/** The text with spaces in place of its comments, so that lines and places stay. */
function withoutComments(text, comments) {
  let rest = text;
  for (const { start, end } of comments)
    rest = rest.slice(0, start) + rest.slice(start, end).replace(/[^\n]/g, ' ') + rest.slice(end);
  return rest;
}

// ---- lines that ask for the kind of a guest or of the hypervisor

const KIND = "'(?:pc|pv|pvh|hvm|kvm|xen|qemu)'";
const PREDICATE = String.raw`\b(?:is|has|finds)(?:(?:Guest)?OfXen|Kvm|Xen|Qemu|Pvh?|Hvm|Board)\b`;
/**
 * A line asks where it compares with a kind's word, tests a variable or field that is called after one, or calls a predicate: `type === 'pv'`, `kvm ? … : …`,
 * `if (blueprint.xen)`, `hasBoard(kind)`, `isQemu(host)`, `isWithout()`. What calls a member of a kind (`kindOf(member).memory(mib)`) does not ask.
 */
const ASKS = [
  // How a kernel is entered (boot.kind, entry.kind) is no kind of guest.
  `(?<!\\b(?:boot|entry)\\.)\\b(?:\\w*[tT]ype|\\w*[kK]ind|xen|guest|hypervisor(?:OfHost)?|os|driver)\\b[()\\]!?]*\\s*[!=]==\\s*${KIND}`,
  `${KIND}\\s*[!=]==`,
  // A frame of the hypervisor's own (frame.xen) is none, either.
  String.raw`(?<![\w'"-])(?<!\bframe\.)(?!frame\.xen)(?:[\w.?!]+\.)?(?:kvm|xen)\b\s*(?:\?(?![.:?])|&&|\|\||\?\?(?!\s*'')|[!=]==)`,
  String.raw`(?:\(|&&|\|\||!)\s*(?:[\w?!]+\.)*(?:kvm|xen)\s*(?:\)|&&|\|\||$)`,
  String.raw`${PREDICATE}(?:\(|\s*(?:\?(?![.:?])|&&|\|\|))`,
  String.raw`\(!?(?:[\w?!()]+\.)*${PREDICATE}\)`,
  String.raw`\bisWithout\(\)`,
  String.raw`\bmodelHere\s*(?:\?(?![.:?])|&&)|(?:!|if \()modelHere\b`,
].map(pattern => new RegExp(pattern));
/** The interfaces' own folders know whose they are; tools draw guests of each kind. */
const MAY_ASK = /^src\/(?:hypervisor\/interfaces\/(?:xen|kvm|viridian|none)\/|workshop\/|cli\/(?:fuzz|bench-|soak-))/;
const IN_KINDS = /\/(?:kinds|hypervisors)\//;

function linesAsking(code) {
  const found = [];
  for (const [path, text] of code) {
    if (MAY_ASK.test(path)) continue;
    for (const [index, line] of text.split('\n').entries())
      if (!/^\s*(?:import|export)\b.*\bfrom\b/.test(line) && ASKS.some(pattern => pattern.test(line)))
        found.push({ path, line: index + 1, text: line.trim() });
  }
  return found;
}

/** Lines outside kinds/ and hypervisors/ that ask, by file. For test/kinds.test.ts; `files` and `parse` as for structureOf. */
export function askingFiles(files, parse) {
  const found = {};
  const code = new Map(
    [...withoutTests(files)].map(([path, text]) => [path, withoutComments(text, parse(path, text).comments)]),
  );
  for (const { path } of linesAsking(code)) if (!IN_KINDS.test(path)) found[path] = (found[path] ?? 0) + 1;
  return found;
}

// ---- sizes of what everybody has

/** The body of `class NAME` or `interface NAME`, and the file. */
function declared(trees, what, name, room = 'src/') {
  for (const [path, tree] of trees)
    if (path.startsWith(room))
      for (const statement of tree.body) {
        const node = statement.declaration ?? statement;
        if (node.type === what && node.id?.name === name) return { path, members: node.body.body };
      }
  return { path: undefined, members: [] };
}
const fieldsOf = members => members.filter(({ type, static: isStatic }) => type === 'PropertyDefinition' && !isStatic);
const optionalOf = members => members.filter(({ optional }) => optional);

// ---- parts that load later

/** Names that say when a file is loaded, not what it holds. */
const BY_TIME = /^(?:(?:.+-)?later|later-.+|seldom(?:-.+)?|first|after-prompt|life-words)\.tsx?$/;

/** Dynamic imports of values; those of types are none. */
function importsIn(text, tree) {
  if (!/\bimport\s*\(/.test(text)) return 0;
  let found = 0;
  const visit = node => {
    if (node?.type === 'ImportExpression') found++;
    if (node && typeof node === 'object') Object.values(node).forEach(visit);
  };
  visit(tree);
  return found;
}

// ---- names that are exported

const target = (path, module) => posix.join(posix.dirname(path), module);

/** What a file takes from others and offers, by names. `*`: all. */
function namesOf(path, text, parse) {
  const { module } = parse(path, text);
  const takes = [],
    passes = [],
    offers = [];
  for (const { moduleRequest, entries } of module.staticImports)
    for (const { importName } of entries)
      takes.push({
        from: target(path, moduleRequest.value),
        name: importName.name ?? (importName.kind === 'Default' ? 'default' : '*'),
      });
  for (const { entries } of module.staticExports)
    for (const { moduleRequest, importName, exportName } of entries) {
      if (moduleRequest)
        passes.push({
          from: target(path, moduleRequest.value),
          name: importName.name ?? '*',
          as: exportName.name ?? '*',
        });
      else offers.push(exportName.name ?? 'default');
    }
  for (const [, from] of text.matchAll(/\bimport\(\s*(?:\/\*.*?\*\/\s*)?['"](\.[^'"]+)['"]/g))
    takes.push({ from: target(path, from), name: '*' });
  return { takes, passes, offers, text };
}

const WORDS = /[\w$]+/g;

/** How many of some files have a word. */
function filesByWord(all, paths) {
  const found = new Map();
  for (const path of paths)
    for (const word of new Set(all.get(path).text.match(WORDS))) found.set(word, (found.get(word) ?? 0) + 1);
  return found;
}

/** Names of each file that these ask for, through files that pass them on. Of one that is asked for as a whole those count that some other file has as words. */
function used(all, asking) {
  const found = new Set();
  const filesWith = new Map();
  for (const path of asking)
    for (const word of new Set(all.get(path).text.match(/[\w$]+/g)))
      filesWith.set(word, (filesWith.get(word) ?? 0) + 1);
  const isElsewhere = (path, name) => (filesWith.get(name) ?? 0) > (asking.has(path) ? 1 : 0);
  const offeredBy = (path, seen = new Set()) => {
    if (seen.has(path) || !all.has(path)) return [];
    seen.add(path);
    const { offers, passes } = all.get(path);
    return [...offers, ...passes.flatMap(({ from, as }) => (as === '*' ? offeredBy(from, seen) : [as]))];
  };
  const visit = (path, name) => {
    const key = `${path} ${name}`;
    if (found.has(key) || !all.has(path)) return;
    found.add(key);
    if (name === '*') {
      for (const each of offeredBy(path)) if (isElsewhere(path, each)) visit(path, each);
      return;
    }
    for (const { from, name: theirs, as } of all.get(path).passes) {
      if (as === name) visit(from, theirs);
      else if (as === '*') visit(from, name);
    }
  };
  for (const path of asking) for (const { from, name } of all.get(path).takes) visit(from, name);
  return found;
}

/** `entries`: files that programs begin with: what they export is asked for by no import. `helpers`: files that tests alone use. */
function exportedNames(files, parse, entries, helpers) {
  const all = new Map([...files].map(([path, text]) => [path, namesOf(path, text, parse)]));
  const isTest = path => isOfTests(path) || helpers.has(path) || /^test\//.test(path);
  const [tests, code] = [true, false].map(wanted => new Set([...all.keys()].filter(path => isTest(path) === wanted)));
  const byCode = used(all, code),
    byTests = used(all, tests);
  const filesWith = filesByWord(all, all.keys());
  const forTests = [],
    nowhere = [];
  for (const path of code) {
    if (!path.startsWith('src/') || entries.has(path)) continue;
    const { offers, text } = all.get(path);
    for (const name of offers) {
      const key = `${path} ${name}`;
      if (byCode.has(key)) continue;
      if (byTests.has(key)) forTests.push(key);
      // What generated code asks for is a word of its generator's text.
      else if (filesWith.get(name) === 1 && [...text.matchAll(WORDS)].filter(([word]) => word === name).length === 1)
        nowhere.push(key);
    }
  }
  return { forTests, nowhere };
}

// ---- all of them

/**
 * Rows of counts, and the places of some. `english`: test/support/english.ts. `documents`: texts. `entries`, `helpers`: see exportedNames.
 */
export function structureOf({ files, documents, parse, english, entries, helpers = new Set() }) {
  const sources = withoutTests(files);
  const parsed = new Map([...sources].map(([path, text]) => [path, parse(path, text)]));
  const trees = new Map([...parsed].map(([path, { program }]) => [path, program]));
  const code = new Map([...sources].map(([path, text]) => [path, withoutComments(text, parsed.get(path).comments)]));
  const sum = count => [...code].reduce((all, [path, text]) => all + count(text, path), 0);
  const lines = room =>
    [...sources].reduce((all, [path, text]) => all + (path.startsWith(room) ? linesOf(text) : 0), 0);

  const asks = linesAsking(code);
  const outside = asks.filter(({ path }) => !IN_KINDS.test(path));
  const domain = declared(trees, 'ClassDeclaration', 'Domain'),
    host = declared(trees, 'ClassDeclaration', 'HostCore'),
    services = declared(trees, 'ClassDeclaration', 'Services'),
    member = declared(trees, 'TSInterfaceDeclaration', 'Member', 'src/dom0/toolstack/');
  const byTime = [...sources.keys()].filter(path => BY_TIME.test(posix.basename(path)));
  const { forTests, nowhere } = exportedNames(files, parse, entries, helpers);
  const words = texts => texts.reduce((all, text) => all + english.avoidedIn(text).length, 0);
  const comments = [...parsed.values()].flatMap(({ comments }) => comments.map(({ value }) => value));

  return {
    rows: {
      'lines that ask the kind': asks.length,
      'of them outside kinds/ and hypervisors/': outside.length,
      'of those in languages of definitions (definitions/config)': outside.filter(({ path }) =>
        path.startsWith('src/dom0/definitions/config/'),
      ).length,
      'fields of Domain': fieldsOf(domain.members).length,
      'lines of the file with HostCore': linesOf(sources.get(host.path) ?? ''),
      'lines of the file with Services': linesOf(sources.get(services.path) ?? ''),
      'optional fields of Member': optionalOf(member.members).length,
      'files named by when they load': byTime.length,
      'import() sites': [...trees].reduce((all, [path, tree]) => all + importsIn(code.get(path), tree), 0),
      'lines of src/cli': lines('src/cli/'),
      'lines of src/workshop': lines('src/workshop/'),
      'lines in all': lines('src/'),
      'as unknown as': sum(text => countOf(text, /\bas unknown as\b/g)),
      'names exported for tests alone': forTests.length,
      'names exported and used nowhere': nowhere.length,
      'avoided words in documents': words(documents),
      'avoided words in strings': words([...sources].flatMap(([path, text]) => english.stringsOf(path, text))),
      'avoided words in comments': words(comments),
    },
    places: {
      asks: asks.map(({ path, line, text }) => `${path}:${line}: ${text}`),
      byTime,
      forTests,
      nowhere,
    },
  };
}
