/**
 * Rules that hold across rooms, each as a function from source text to findings, so that a test can show it both a good and a bad sample.
 * Source of the rules: docs/architecture.md, "Rooms".
 */
import { posix } from 'node:path';
import { parseSync } from 'vite';

const BELOW_DOM0 = ['hypervisor', 'formats', 'devices', 'cpu'];
const TO_TOOLSTACK = [...BELOW_DOM0, 'dom0/host', 'dom0/backends', 'dom0/definitions', 'dom0/toolstack'];
const DOM0 = [...TO_TOOLSTACK, 'dom0/libvirt', 'dom0/pool', 'dom0/shell', 'dom0/service'];

/** A room may import itself and those named here. Domain 0 has rooms of its own. */
const below: Record<string, readonly string[]> = {
  formats: [],
  cpu: [],
  devices: ['formats', 'cpu'],
  hypervisor: ['formats', 'devices', 'cpu'],
  'dom0/host': BELOW_DOM0,
  'dom0/backends': [...BELOW_DOM0, 'dom0/host'],
  'dom0/definitions': [...BELOW_DOM0, 'dom0/host'],
  'dom0/toolstack': TO_TOOLSTACK,
  'dom0/libvirt': TO_TOOLSTACK,
  'dom0/pool': TO_TOOLSTACK,
  'dom0/shell': [...TO_TOOLSTACK, 'dom0/libvirt', 'dom0/pool'],
  'dom0/service': DOM0,
  lessons: DOM0,
  api: DOM0,
  ui: [...DOM0, 'lessons', 'api'],
  cli: [...DOM0, 'lessons', 'api'],
  workshop: [...DOM0, 'lessons', 'api', 'cli'],
};

const PURE_ROOMS = ['formats', 'cpu', 'devices', 'hypervisor'];
const CLOCK_ROOMS = ['ui', 'cli', 'workshop'];

/** 'src/cpu/architecture/edge.ts' → 'cpu', 'src/dom0/host/timers.ts' → 'dom0/host'; undefined outside src/. */
export const roomOf = (path: string): string | undefined => /^src\/(dom0\/[^/]+(?=\/)|[^/]+)\//.exec(path)?.[1];
/** A room's tests may bring up all of Domain 0, where the room is a part of it. */
const ofOneHouse = (room: string, other: string): boolean => room.startsWith('dom0/') && other.startsWith('dom0/');
const isTest = (path: string): boolean => /\.test\.tsx?$/.test(path);
/** Part of the build, not of the processor: Vite runs it. */
const isBuildPlugin = (path: string): boolean => path === 'src/cpu/gen/plugin.ts';
/** Outside src/, only these are anybody's to import: the embedded guests, and the version in package.json. */
const isFreeForAll = (target: string): boolean => target.startsWith('guests/') || target === 'package.json';
/** Where a room meets its worker: there, and in src/cli, src/workshop and src/ui, clocks, timers and randomness come in. */
const isWorkerEntry = (path: string): boolean => /(^|[-./])worker\.ts$/.test(path);
/** The clock that they share. */
const isSharedClock = (path: string): boolean => path === 'src/hypervisor/worker/shared-clock.ts';

interface Node {
  type: string;
  start: number;
  [key: string]: unknown;
}

function* walk(
  node: Node,
  parent?: Node,
  key?: string,
): Generator<{ node: Node; parent: Node | undefined; key: string | undefined }> {
  yield { node, parent, key };
  for (const [name, value] of Object.entries(node))
    for (const child of Array.isArray(value) ? value : [value])
      if (child && typeof child === 'object' && typeof (child as Node).type === 'string')
        yield* walk(child as Node, node, name);
}

/** `program` is handed over as JSON when it is first asked for, which costs more than all else here. */
function parsed(path: string, text: string): ReturnType<typeof parseSync> {
  const result = parseSync(path, text);
  if (result.errors.length) throw new Error(`${path}: ${result.errors[0]!.message}`);
  return result;
}
const treeOf = ({ program }: ReturnType<typeof parseSync>): Node => program as unknown as Node;
const parse = (path: string, text: string): Node => treeOf(parsed(path, text));

const lineOf = (text: string, offset: number): number => text.slice(0, offset).split('\n').length;
const stringOf = (node: unknown): string | undefined => {
  const { type, value } = (node ?? {}) as { type?: string; value?: unknown };
  return type === 'Literal' && typeof value === 'string' ? value : undefined;
};
const nameOf = (node: unknown): string | undefined => {
  const { type, name } = (node ?? {}) as { type?: string; name?: unknown };
  return type === 'Identifier' && typeof name === 'string' ? name : undefined;
};

interface Named {
  module: string;
  start: number;
  by: 'statement' | 'import()' | 'import() of a type' | 'address';
  /** For types alone. */
  isType: boolean;
}

/** What statements do not name, and is sought in the tree. */
const MAY_NAME_LATER = /\bimport\s*\(|\bnew\s+URL\b/;

/** Every module that a file names: static and dynamic imports, re-exports, and `new URL('…', import.meta.url)`, which is how a worker is named. */
function* modulesNamed(path: string, text: string): Generator<Named> {
  const source = parsed(path, text);
  const { module } = source;
  for (const { start, moduleRequest, entries } of module.staticImports) {
    const isType = entries.length > 0 && entries.every(entry => entry.isType);
    yield { module: moduleRequest.value, start, by: 'statement', isType };
  }
  for (const { start, entries } of module.staticExports) {
    const from = entries.find(({ moduleRequest }) => moduleRequest)?.moduleRequest;
    if (from) yield { module: from.value, start, by: 'statement', isType: entries.every(entry => entry.isType) };
  }
  if (!MAY_NAME_LATER.test(text)) return;
  for (const { node } of walk(treeOf(source))) {
    const { type, start } = node;
    const [first, base] = (type === 'NewExpression' && nameOf(node.callee) === 'URL' ? node.arguments : []) as Node[];
    const isAddress = base?.type === 'MemberExpression' && (base.object as Node).type === 'MetaProperty';
    const named = stringOf(isAddress ? first : (node.source ?? node.argument));
    if (named === undefined) continue;
    if (isAddress) yield { module: named, start, by: 'address', isType: false };
    else if (type === 'ImportExpression') yield { module: named, start, by: 'import()', isType: false };
    else if (type === 'TSImportType') yield { module: named, start, by: 'import() of a type', isType: true };
  }
}

/** By path and text: most rules ask for each file. */
const named = new Map<string, Named[]>();

function modulesOf(path: string, text: string): Named[] {
  const key = `${path}\n${text}`;
  let found = named.get(key);
  if (!found) named.set(key, (found = [...modulesNamed(path, text)]));
  return found;
}

/**
 * Of files (path → text), those that only tests use: tests themselves, and what tests import and nothing else does, unless it has a test of its own name.
 * What holds for a room's own code does not hold for them.
 */
export function testOnly(files: ReadonlyMap<string, string>): Set<string> {
  const importers = new Map<string, string[]>();
  for (const [path, text] of files)
    for (const { module } of modulesOf(path, text))
      if (module.startsWith('.')) {
        const target = posix.join(posix.dirname(path), module);
        importers.set(target, [...(importers.get(target) ?? []), path]);
      }
  const found = new Set([...files.keys()].filter(isTest));
  for (let before = -1; before !== found.size; ) {
    before = found.size;
    for (const [path, by] of importers)
      if (by.every(importer => found.has(importer)) && !files.has(path.replace(/\.tsx?$/, '.test.ts'))) found.add(path);
  }
  return found;
}

/** Files that a file names in its import and export statements, and whether for types alone. Workers and dynamic imports come later. */
const statedImports = (path: string, text: string): { target: string; isType: boolean }[] =>
  modulesOf(path, text).flatMap(({ module, by, isType }) =>
    by === 'statement' && module.startsWith('.') ? [{ target: posix.join(posix.dirname(path), module), isType }] : [],
  );

/** Files that a file loads at once when it is loaded: what it imports for more than types. */
export const valueImports = (path: string, text: string): string[] =>
  statedImports(path, text).flatMap(({ target, isType }) => (isType ? [] : [target]));

/** The same with what it imports for types alone. */
export const allImports = (path: string, text: string): string[] =>
  statedImports(path, text).map(({ target }) => target);

/** The same with all that those load, and so on. */
export function loads(files: ReadonlyMap<string, string>, from: string): Set<string> {
  const found = new Set<string>([from]);
  for (const path of found) for (const next of valueImports(path, files.get(path) ?? '')) found.add(next);
  found.delete(from);
  return found;
}

/** Files whose modules may hold signals: what the page shows. */
export const holdsPageState = (path: string, text: string): boolean =>
  modulesOf(path, text).some(({ module, isType }) => module === '@preact/signals' && !isType);

/** Circles of imports, by default of values: groups of files of which each reaches each other (Tarjan's strongly connected components), in order of names. */
export function circles(files: ReadonlyMap<string, string>, importsOf = valueImports): string[][] {
  const found: string[][] = [];
  const imports = new Map(
    [...files].map(([path, text]) => [path, importsOf(path, text).filter(module => files.has(module))]),
  );
  /** When a file was first seen, and the first seen of those that it reaches. */
  const seen = new Map<string, number>(),
    reaches = new Map<string, number>();
  const stack: string[] = [];
  const visit = (path: string): void => {
    seen.set(path, seen.size);
    reaches.set(path, seen.get(path)!);
    stack.push(path);
    for (const next of imports.get(path)!) {
      if (!seen.has(next)) visit(next);
      if (stack.includes(next)) reaches.set(path, Math.min(reaches.get(path)!, reaches.get(next)!));
    }
    if (reaches.get(path) !== seen.get(path)) return;
    const group = stack.splice(stack.indexOf(path));
    if (group.length > 1 || imports.get(path)!.includes(path)) found.push(group.sort());
  };
  for (const path of imports.keys()) if (!seen.has(path)) visit(path);
  return found.sort((a, b) => (a[0] < b[0] ? -1 : 1));
}

/**
 * Imports from another room that go past an index.ts. Entries of workers are loaded by their address, not imported; and what one room of Domain 0 loads of
 * another when it is wanted is a file, as an index would bring that file's neighbours. The command line offers nothing and has no index: the workshop, which
 * judges it, imports the files that it needs.
 */
export function pastIndexFindings(path: string, text: string, forTests = isTest(path)): string[] {
  const room = roomOf(path);
  if (room === undefined || forTests) return [];
  return modulesOf(path, text).flatMap(({ module, start, by }) => {
    const target = posix.join(posix.dirname(path), module);
    const other = module.startsWith('.') ? roomOf(target) : undefined;
    const isEntry = by === 'address' || isWorkerEntry(target);
    if (
      isEntry ||
      other === undefined ||
      other === room ||
      other === 'cli' ||
      !below[other] ||
      (by === 'import()' && ofOneHouse(room, other)) ||
      target.includes('test-support') ||
      posix.basename(target) === 'index.ts'
    )
      return [];
    return [`${path}:${lineOf(text, start)}: ${target} is offered by ${posix.dirname(target)}/index.ts`];
  });
}

/** Folders of the hypervisor whose files know no interface that a guest may see: all but `interfaces` itself. */
const isCore = (path: string): boolean => /^src\/hypervisor\/(?!interfaces\/)[^/]+\//.test(path);

/** Imports by which the hypervisor's core would know what a guest sees of it, types among them. */
export function interfaceFindings(path: string, text: string, forTests = isTest(path)): string[] {
  if (!isCore(path) || forTests) return [];
  return modulesOf(path, text).flatMap(({ module, start }) => {
    const target = posix.join(posix.dirname(path), module);
    return target.startsWith('src/hypervisor/interfaces/') ? [`${path}:${lineOf(text, start)}: ${target}`] : [];
  });
}

/** Imports between the interfaces of two hypervisors: who reads one needs none of the other. */
export function besideFindings(path: string, text: string, forTests = isTest(path)): string[] {
  const [, mine] = /^src\/hypervisor\/interfaces\/(kvm|xen)\//.exec(path) ?? [];
  if (mine === undefined || forTests) return [];
  const other = `src/hypervisor/interfaces/${mine === 'kvm' ? 'xen' : 'kvm'}/`;
  return modulesOf(path, text).flatMap(({ module, start }) => {
    const target = posix.join(posix.dirname(path), module);
    return target.startsWith(other) ? [`${path}:${lineOf(text, start)}: ${target}`] : [];
  });
}

/** Imports that point up or sideways, and packages where there may be none. `path` is relative to the repository. */
export function importFindings(path: string, text: string, forTests = isTest(path)): string[] {
  const room = roomOf(path);
  if (room === undefined) return [];
  const findings: string[] = [];
  if (!below[room])
    return [`${path}: src/${room} is no room; add it to docs/architecture.md and to test/support/rules.ts`];
  for (const { module, start } of modulesOf(path, text)) {
    const where = `${path}:${lineOf(text, start)}`;
    if (module.startsWith('.')) {
      const target = posix.join(posix.dirname(path), module);
      const other = roomOf(target);
      const isRefused =
        other === undefined
          ? !isFreeForAll(target) && !forTests
          : other !== room && !below[room].includes(other) && !(forTests && ofOneHouse(room, other));
      if (isRefused) findings.push(`${where}: ${room} must not import ${target}`);
    } else if (PURE_ROOMS.includes(room) && !forTests && !module.startsWith('virtual:')) {
      if (!(module.startsWith('node:') && isWorkerEntry(path)) && !(module === 'vite' && isBuildPlugin(path)))
        findings.push(`${where}: ${room} must not import the package ${module}`);
    }
  }
  return findings;
}

const TIMERS = ['setTimeout', 'setInterval', 'setImmediate', 'requestAnimationFrame', 'requestIdleCallback'];
const CLOCK_MEMBERS: Record<string, readonly string[]> = {
  Date: ['now'],
  performance: ['now', 'timeOrigin', 'mark', 'measure'],
  Math: ['random'],
  crypto: ['getRandomValues', 'randomUUID'],
  process: ['hrtime', 'uptime'],
};
const GLOBALS = ['globalThis', 'self', 'window'];
/** Without one of these there is nothing to find: a tree of every file that has `Math` in it takes ten seconds. */
const MAY_USE = new RegExp(
  [
    `\\b(WebAssembly|${TIMERS.join('|')})\\b`,
    ...Object.entries(CLOCK_MEMBERS).map(([name, members]) => `\\b${name}\\s*\\??\\.\\s*(${members.join('|')})\\b`),
    String.raw`\bnew\s+Date\b|\bDate\s*\(`,
  ].join('|'),
);

/** True where an identifier is a use of the variable, not the name of a member. */
function isUse(parent: Node | undefined, key: string | undefined): boolean {
  if (!parent) return true;
  if (parent.type === 'MemberExpression' && key === 'property' && !parent.computed)
    return GLOBALS.includes(nameOf(parent.object) ?? '');
  return !(key === 'key' && !parent.computed);
}

/** Clocks, timers and randomness outside worker entries, src/cli, src/workshop and src/ui; WebAssembly anywhere in src. */
export function globalFindings(path: string, text: string, forTests = isTest(path)): string[] {
  const room = roomOf(path);
  if (room === undefined || forTests || !MAY_USE.test(text)) return [];
  const clocksAllowed = CLOCK_ROOMS.includes(room) || isWorkerEntry(path) || isSharedClock(path);
  const findings: string[] = [];
  for (const { node, parent, key } of walk(parse(path, text))) {
    let used: string | undefined;
    if (node.type === 'Identifier' && isUse(parent, key)) {
      if (node.name === 'WebAssembly')
        findings.push(`${path}:${lineOf(text, node.start)}: WebAssembly is not used here`);
      if (TIMERS.includes(node.name as string)) used = node.name as string;
    } else if (
      node.type === 'MemberExpression' &&
      CLOCK_MEMBERS[nameOf(node.object) ?? '']?.includes(nameOf(node.property) ?? '')
    ) {
      used = `${nameOf(node.object)}.${nameOf(node.property)}`;
    } else if (
      nameOf(node.callee) === 'Date' &&
      (node.type === 'CallExpression' || (node.arguments as Node[]).length === 0)
    )
      used = 'the current date';
    if (used && !clocksAllowed)
      findings.push(
        `${path}:${lineOf(text, node.start)}: ${used} in ${room}; clocks, timers and randomness are passed in`,
      );
  }
  return findings;
}

/** Workers that are made elsewhere than in the page, by the command line or by the workshop, whose worker threads are node's: a worker of the page makes none (ui/workers.ts). */
export function workerFindings(path: string, text: string, forTests = isTest(path)): string[] {
  if (forTests || /^src\/(ui|cli|workshop)\//.test(path) || !/\bWorker\b/.test(text)) return [];
  return [...walk(parse(path, text))]
    .filter(({ node }) => node.type === 'NewExpression' && nameOf(node.callee) === 'Worker')
    .map(({ node }) => `${path}:${lineOf(text, node.start)}: a worker is made by the page alone`);
}

interface Lock {
  packages: Record<string, { resolved?: string; link?: boolean; optionalDependencies?: Record<string, string> }>;
}

/**
 * Addresses of package registries in a lock file: they would tie a fresh clone to one mirror. And packages for other platforms that it leaves out, as npm
 * writes it where a mirror does not have them: `npm ci` refuses that.
 */
export function lockFindings({ packages }: Lock): string[] {
  const findings: string[] = [];
  for (const [path, { resolved, link, optionalDependencies = {} }] of Object.entries(packages)) {
    if (resolved !== undefined && !link) findings.push(`${path}: resolved ${resolved}`);
    for (const name of Object.keys(optionalDependencies))
      if (!packages[`${path}/node_modules/${name}`] && !packages[`node_modules/${name}`])
        findings.push(`${path}: no entry for its optional ${name}`);
  }
  return findings;
}

/** Lines that hold one of the absolute paths given (of the machine the file was written on). */
export function pathFindings(path: string, text: string, absolutePaths: readonly string[]): string[] {
  return text
    .split('\n')
    .flatMap((line, index) =>
      absolutePaths.filter(absolute => line.includes(absolute)).map(absolute => `${path}:${index + 1}: ${absolute}`),
    );
}

/** What just-bash says of WebAssembly and does not do: the name of a thing that its own guard (not used here) forbids, and what file(1) calls a file. */
const JUST_BASH_WORDS = [
  /prop:([`"'])WebAssembly\1,target:globalThis,violationType/g,
  /reason:([`"'])WebAssembly allows [\w ]+\1/g,
  /([`"'])WebAssembly \(wasm\) binary module\1/g,
];

/** What the project's documents say of it, which Help shows (ui/help/documents.ts): a comma or the next sentence is behind it, and no member of it. */
const DOCUMENT_WORDS = /\b(?:without|no) WebAssembly(?=[,;:)]|\.(?: [A-Z]|\\n))/g;

/** WebAssembly in a file of the built page, as a module (by its magic number, also in base64) or as a use of the global. */
export function wasmFindings(path: string, bytes: Buffer): string[] {
  if (path.endsWith('.wasm') || bytes.subarray(0, 4).toString('latin1') === '\0asm') return [`${path} is WebAssembly`];
  if (!/\.(js|mjs|html)$/.test(path)) return [];
  const text = [...JUST_BASH_WORDS, DOCUMENT_WORDS].reduce(
    (rest, words) => rest.replace(words, ''),
    bytes.toString('latin1'),
  );
  return ['WebAssembly', 'AGFzbQ'].filter(word => text.includes(word)).map(word => `${path} has ${word} in it`);
}

/** A function fits on one screen, as the formatter sets it; a class can be held in mind. How long a file is follows from its one subject. */
export const FUNCTION_LINES = 80;
export const CLASS_FIELDS = 12;
export const CLASS_METHODS = 25;

const IS_FUNCTION = /^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/;

/**
 * What of a file is over these limits: a function's lines under `path name`, where the name of one without a name is that of what it is given to; a class's
 * fields and methods under `path name fields` and `path name methods`. A parameter that is a field counts; constructors do not, and what is static does not.
 */
export function tooLarge(path: string, text: string): Map<string, number> {
  const found = new Map<string, number>();
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  const lineAt = (offset: number): number => {
    let [low, high] = [0, starts.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (starts[middle]! <= offset) low = middle;
      else high = middle;
    }
    return low + 1;
  };
  const note = (what: string, count: number, most: number): void => {
    if (count > most) found.set(what, Math.max(count, found.get(what) ?? 0));
  };
  const visit = (node: Node, outer: string): void => {
    const name = nameOf(node.id) ?? nameOf(node.key) ?? outer;
    if (IS_FUNCTION.test(node.type))
      note(`${path} ${name}`, lineAt(node.end as number) - lineAt(node.start) + 1, FUNCTION_LINES);
    if (/^Class/.test(node.type) && node.type !== 'ClassBody') {
      const members = ((node.body as Node).body as Node[]).filter(member => !member.static);
      const maker = members.find(({ kind }) => kind === 'constructor')?.value as { params?: Node[] } | undefined;
      const fields = members.filter(({ type }) => type === 'PropertyDefinition').length;
      const given = maker?.params?.filter(({ type }) => type === 'TSParameterProperty').length ?? 0;
      note(`${path} ${name} fields`, fields + given, CLASS_FIELDS);
      const methods = members.filter(({ type, kind }) => type === 'MethodDefinition' && kind !== 'constructor');
      note(`${path} ${name} methods`, methods.length, CLASS_METHODS);
    }
    for (const [key, value] of Object.entries(node))
      if (key !== 'parent')
        for (const child of Array.isArray(value) ? value : [value])
          if (child && typeof child === 'object' && typeof (child as Node).type === 'string')
            visit(child as Node, name);
  };
  // Most files have no class, and are too short for a long function.
  if (starts.length - 1 > FUNCTION_LINES || /\bclass\b/.test(text)) visit(parse(path, text), '');
  return found;
}
