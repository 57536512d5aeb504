/**
 * What just-bash (3.4.2) makes of a line otherwise than bash, put right in the tree of the line before it runs (POSIX, Shell Command Language, 2.9.1 and 2.14;
 * bash(1)):
 *
 *   "$@"; $XL list           the first field of what a first word comes to is the command, and the others are its arguments
 *   sleep 9 &                runs next to what comes next: as a job (jobs.ts), with what the shell has of functions and arrays
 *   trap 'rm f' EXIT; exit   a handler runs where the shell is left
 *   trap 'x' USR1; kill … $$ and behind the command that has sent its signal to the shell
 *   exec "$@"                is the last thing that a shell does
 *   cat < /dev/stdin         standard input
 *   set -u; "${1-}"          is not unbound
 *   trap 'x' ERR             (traps.ts)
 *   eval, source, ./script   what they read is rewritten, too: just-bash reads it without asking
 *
 * Commands that it knows itself (`wait`) and that are ours are named by their paths.
 */
import type { CommandNode, ScriptNode, SimpleCommandNode, StatementNode, WordNode } from 'just-bash';
import type { Bash } from 'just-bash/browser';
import {
  type Assignment,
  assignment,
  group,
  isDefaulted,
  isNode,
  literal,
  literalsOf,
  mentionsTraps,
  namesOfFunctions,
  type Redirection,
  simple,
  splits,
  statement,
  textOf,
} from './nodes.ts';
import { type Reader, readerOf, Writer } from './pipes.ts';
import { readAhead, SELECT } from './words-ahead.ts';
import { type Event, eventsIn, Traps } from './traps.ts';
import {
  type Begun,
  beginningOf,
  GOES_ON,
  isReadError,
  notRun,
  type ReadError,
  readErrorText,
  UNEXPECTED_END,
} from './whole-commands.ts';

type Plugin = Parameters<Bash['registerTransformPlugin']>[0];
type Part = WordNode['parts'][number];
type Pipeline = StatementNode['pipelines'][number];
type Loop = Extract<CommandNode, { type: 'While' | 'Until' | 'For' | 'CStyleFor' }>;
type For = Extract<CommandNode, { type: 'For' }>;
type FunctionDef = Extract<CommandNode, { type: 'FunctionDef' }>;

/** What one shell, a login or a script, has defined so far. */
export interface Scope {
  id: number;
  functions: Map<string, FunctionDef>;
  /** A handler may be set: it is looked for where the shell is left. */
  traps: boolean;
  /** Of these, handlers may be set. */
  events: ReadonlySet<Event>;
  /** At its end handlers run; not after a login's line. */
  ends: boolean;
  /** It is what `trap` was given: its line is that of the command before it. */
  isHandler?: boolean;
  /** Its lines leave what they have to those after them. */
  keeps?: boolean;
  /** What begins its error messages; absent: `bash`. */
  where?: string;
  /** The number of a pipe that it writes to. */
  pipe?: number;
}

const LOOPS = /^(?:While|Until|For|CStyleFor)$/;
/** A number that no script has. */
const TURN_FD = 1000;

/** Where what is written runs that something is to be done with later. */
export const PATHS = {
  stdin: ['/dev/stdin', '/dev/fd/0', '/proc/self/fd/0'],
  stdout: ['/dev/stdout', '/dev/fd/1', '/proc/self/fd/1'],
  stderr: ['/dev/stderr', '/dev/fd/2', '/proc/self/fd/2'],
  turn: '/proc/ringside/turn',
} as const;

/** In front of a text whose statements belong to a scope; behind it the scope's id, and which stored statements come first and last (0: none). */
const MARK = 'ringside-scope';
/** What `$!` is. */
export const LAST_JOB = 'RINGSIDE_LAST_JOB';
const OURS = new Set(['wait', 'help']);
/** A command line at the end of a shell: what its handler is, with `$?` as it was. */
const leave = (end: string): string =>
  `RINGSIDE_STATUS=$? RINGSIDE_SHELL=$BASHPID; eval "$(/usr/bin/trap --run EXIT "$RINGSIDE_SHELL" "$RINGSIDE_STATUS")"; ${end}`;

/** Nothing, whatever is set: `${IFS+}`. */
const NOTHING: WordNode = {
  type: 'Word',
  parts: [
    {
      type: 'ParameterExpansion',
      parameter: 'IFS',
      operation: { type: 'UseAlternative', word: { type: 'Word', parts: [] }, checkEmpty: false },
    },
  ],
};

/** `"$@"`. */
const PARAMETERS: WordNode[] = [
  {
    type: 'Word',
    parts: [{ type: 'DoubleQuoted', parts: [{ type: 'ParameterExpansion', parameter: '@', operation: null }] }],
  },
];

export class Rewriting implements Plugin {
  readonly name = 'rewriting';
  private shell: Bash | undefined;
  /** Whether a text that `read` reads lacks the end of a here-document. */
  private readonly lacksDocument: (read: () => void) => boolean;
  private readonly scopes = new Map<number, Scope>();
  private readonly stored = new Map<number, { statements: StatementNode[]; text: string }>();
  private readonly readers = new Map<number, Reader>();
  private ids = 0;
  /** Texts that are ours, and no one's to rewrite. */
  private isOurs = false;
  private hasChanged = false;
  private readonly own = new WeakSet<object>();
  /** What is written as a text instead of what was read. */
  private instead: StatementNode[] | undefined;

  constructor(lacksDocument: (read: () => void) => boolean) {
    this.lacksDocument = lacksDocument;
  }

  /** Looks at whatever the shell runs. */
  follow(shell: Bash): void {
    this.shell = shell;
    shell.registerTransformPlugin(this);
  }

  open(given: Partial<Omit<Scope, 'id'>> = {}): Scope {
    const scope: Scope = {
      functions: new Map(),
      traps: false,
      events: new Set(),
      ends: false,
      ...given,
      id: ++this.ids,
    };
    this.scopes.set(scope.id, scope);
    return scope;
  }

  close({ id }: Scope): void {
    this.scopes.delete(id);
  }

  scope(id: string): Scope | undefined {
    return this.scopes.get(Number(id));
  }

  /** A text that runs in a scope: before it its functions are defined, behind it comes what a job was started with. */
  inScope(scope: Scope, text: string, job = 0): string {
    const first = scope.functions.size > 0 ? ++this.ids : 0;
    if (first > 0)
      this.stored.set(first, { statements: [...scope.functions.values()].map(each => statement(each)), text: '' });
    return `: ${MARK} ${scope.id} ${first} ${job};${text}`;
  }

  /** What decides when the first command of a pipe ends. */
  reader(pipe: number): Reader | undefined {
    return this.readers.get(pipe);
  }

  /** Commands of a pipe, as a text's last statement. */
  store(commands: CommandNode[]): number {
    const id = ++this.ids;
    const pipe = statement(commands[0]);
    pipe.pipelines[0].commands = commands;
    this.stored.set(id, { statements: [pipe], text: '' });
    return id;
  }

  /** What is before a job's `&`. */
  jobText(job: number): string {
    return this.stored.get(job)?.text ?? '';
  }

  /** A text as it has to run in a scope. @throws as the parser does */
  rewritten(text: string, scope: Scope): string {
    if (!this.shell) return text;
    this.hasChanged = false;
    const ahead = readAhead(text);
    const { script } = this.shell.transform(`: ${MARK} ${scope.id} inner;${ahead}`);
    return this.hasChanged ? script : ahead;
  }

  /** The same, or as it is, where it cannot be written again; lines before one that cannot be read run, and then the error is printed. `where`: what the text is, in its words. */
  rewrittenOrError(text: string, scope: Scope, where: string): string {
    try {
      return this.rewritten(text, scope);
    } catch {
      const begun = this.beginning(text);
      return begun ? `${this.rewritten(begun.text, scope)}\n${notRun(readErrorText(where, begun))}` : text;
    }
  }

  /** Of a text that cannot be read as a whole, what can; undefined: all of it. */
  beginning(text: string): Begun | undefined {
    return beginningOf(text, each => this.readError(each));
  }

  private readError(text: string): ReadError | undefined {
    const { isOurs, instead, shell } = this;
    if (!shell) return undefined;
    this.isOurs = true;
    this.instead = undefined;
    let isDocument = false;
    const read = (whole: string): string | undefined => {
      try {
        isDocument = this.lacksDocument(() => shell.transform(readAhead(whole)));
        return isDocument ? UNEXPECTED_END : undefined;
      } catch (error) {
        return isReadError(error) ? error.message : undefined;
      }
    };
    try {
      const message = read(text);
      if (message === undefined) return undefined;
      if (isDocument) return { message, isUnfinished: true, isDocument };
      // `if true; then` lacks a command first, and then its end.
      const isUnfinished = GOES_ON.test(message) || GOES_ON.test(read(`${text}\n:`) ?? '');
      return { message: isUnfinished && !GOES_ON.test(message) ? UNEXPECTED_END : message, isUnfinished };
    } finally {
      this.isOurs = isOurs;
      this.instead = instead;
    }
  }

  readonly transform: Plugin['transform'] = ({ ast }) => {
    if (this.isOurs) return { ast: this.instead ? { ...ast, statements: this.instead } : ast };
    try {
      return this.transformed(ast);
    } catch (error) {
      return { ast: { ...ast, statements: this.failure(error) } };
    }
  };

  /** What runs in the place of a command that the rewriting failed at: the others are none the worse. */
  private failure(error: unknown): StatementNode[] {
    this.hasChanged = true;
    return this.parse(
      notRun(`bash: this command was not run, as it could not be rewritten for just-bash: ${String(error)}`),
    );
  }

  /** A token that just-bash reads and refuses when it runs (`)`): what comes before it runs, and nothing behind it. */
  private untilError(statements: StatementNode[], { where = 'bash' }: Scope): StatementNode[] {
    const at = statements.findIndex(({ deferredError }) => deferredError);
    if (at < 0) return statements;
    this.hasChanged = true;
    // Its line is not what just-bash says.
    return [...statements.slice(0, at), ...this.parse(notRun(`${where}: ${statements[at].deferredError?.message}`))];
  }

  private transformed(ast: ScriptNode): { ast: ScriptNode } {
    const mark = this.markOf(ast);
    const scope = (mark && this.scopes.get(mark.id)) ?? this.open({ ends: true });
    const read = this.untilError(mark ? ast.statements.slice(1) : ast.statements, scope);
    scope.traps ||= mentionsTraps(read);
    scope.events = eventsIn(read, new Set(scope.events));
    const own = scope.events.size > 0 ? this.trapped(read, scope) : read;
    const visited = this.statements(own, scope);
    const written = scope.pipe === undefined ? visited : new Writer(scope.functions, scope.pipe).script(visited);
    const all = [...this.take(mark?.first), ...written, ...this.take(mark?.last)];
    if (scope.ends && scope.traps && !mark?.inner) all.push(...this.parse(leave('exit $RINGSIDE_STATUS')));
    else if (scope.keeps && !mark?.inner)
      // `set -x` does not tell of it.
      all.push(...this.parse('{ /usr/bin/keep-state "$?" "$(declare -p)" "$(declare -F)" "$(set +o)"; } 2>/dev/null'));
    return { ast: { ...ast, statements: all } };
  }

  private take(id = 0): StatementNode[] {
    return this.stored.get(id)?.statements ?? [];
  }

  private markOf({
    statements: [first],
  }: ScriptNode): { id: number; first: number; last: number; inner: boolean } | undefined {
    const command = first?.pipelines[0]?.commands[0];
    if (command?.type !== 'SimpleCommand' || textOf(command.name) !== ':') return undefined;
    const [word, id, before = '', after = ''] = command.args.map(arg => textOf(arg) ?? '');
    return word === MARK
      ? { id: Number(id), first: Number(before) || 0, last: Number(after) || 0, inner: before === 'inner' }
      : undefined;
  }

  /** A text of ours as statements, which stay as they are. */
  private parse(text: string): StatementNode[] {
    this.isOurs = true;
    try {
      const statements = this.shell?.transform(text).ast.statements ?? [];
      for (const each of statements) this.own.add(each);
      return statements;
    } finally {
      this.isOurs = false;
    }
  }

  /** A command as a text. */
  private written(command: CommandNode): string {
    this.isOurs = true;
    this.instead = [statement(command)];
    try {
      // A bracket that ends `[` needs no backslash.
      return (this.shell?.transform(':').script ?? '').trim().replace(/^(\[ .*)\\\]$/s, '$1]');
    } finally {
      this.isOurs = false;
      this.instead = undefined;
    }
  }

  private trapped(statements: StatementNode[], scope: Scope): StatementNode[] {
    this.hasChanged = true;
    const functions = new Set(scope.functions.keys());
    namesOfFunctions(statements, functions);
    return new Traps({
      events: scope.events,
      isFunction: name => name === undefined || /^(?:eval|source|\.)$/.test(name) || functions.has(name),
      parse: text => this.parse(text),
      written: command => this.written(command),
      leave: leave('exit "$RINGSIDE_STATUS"'),
    }).script(statements);
  }

  private statements(statements: StatementNode[], scope: Scope): StatementNode[] {
    return statements.map(each => this.visit(each, scope) as StatementNode);
  }

  /** A node with what is in it. */
  private visit(node: unknown, scope: Scope): unknown {
    if (Array.isArray(node)) return node.map(each => this.visit(each, scope));
    if (typeof node !== 'object' || node === null || this.own.has(node)) return node;
    const type = isNode(node) ? node.type : '';
    if (type !== 'Statement') return this.visitInner(node, type, scope);
    try {
      return this.visitInner(node, type, scope);
    } catch (error) {
      return this.failure(error)[0];
    }
  }

  private visitInner(node: object, type: string, scope: Scope): unknown {
    const isShell = type === 'Subshell' || type === 'CommandSubstitution';
    const copy: Record<string, unknown> = {};
    for (const [key, value] of Object.entries(node)) copy[key] = this.visit(value, scope);
    if (isShell && scope.traps) this.leaveShell(copy, node);
    return this.put(copy as unknown as { type: string }, scope);
  }

  /** A subshell that sets a handler runs it at its end. */
  private leaveShell(copy: Record<string, unknown>, node: object): void {
    const before = 'body' in node ? (Array.isArray(node.body) ? node.body : (node.body as ScriptNode).statements) : [];
    if (!mentionsTraps(before as StatementNode[])) return;
    const last = this.parse(leave('exit $RINGSIDE_STATUS'));
    this.hasChanged = true;
    copy.body = Array.isArray(copy.body)
      ? [...copy.body, ...last]
      : { ...(copy.body as ScriptNode), statements: [...(copy.body as ScriptNode).statements, ...last] };
  }

  private put(node: { type: string }, scope: Scope): unknown {
    if (node.type === 'SimpleCommand') {
      const changed = this.command(node as SimpleCommandNode, scope);
      this.hasChanged ||= changed !== node;
      return changed;
    }
    if (node.type === 'ParameterExpansion') {
      const parameter = this.parameter((node as Extract<Part, { type: 'ParameterExpansion' }>).parameter, scope);
      if (parameter === undefined) return node;
      this.hasChanged = true;
      return { ...node, parameter };
    }
    // An item of a brace expansion is of type 'Word', too: it holds a word.
    if (node.type === 'Word' && 'parts' in node) {
      const { parts } = node as WordNode;
      if (!isDefaulted(parts)) return node;
      this.hasChanged = true;
      return { ...node, parts: [...parts, { type: 'SingleQuoted', value: '' }] };
    }
    if (node.type === 'Pipeline') return this.pipeline(node as Pipeline, scope);
    if (node.type === 'For' && (node as For).variable.startsWith(SELECT)) return this.select(node as For);
    if (LOOPS.test(node.type)) return this.loop(node as Loop);
    if (node.type === 'FunctionDef') scope.functions.set((node as FunctionDef).name, node as FunctionDef);
    if (node.type !== 'Statement' || !(node as StatementNode).background) return node;
    this.hasChanged = true;
    return this.job(node as StatementNode, scope);
  }

  /** What represents a parameter of bash's that just-bash does not have, or that commands of ours would change. */
  private parameter(name: string, { events, isHandler }: Scope): string | undefined {
    if (name === '!') return LAST_JOB;
    if (name === 'BASH_COMMAND') return 'RINGSIDE_COMMAND';
    if (name === 'LINENO' && isHandler) return 'RINGSIDE_LINE';
    if (events.size > 0 && /^PIPESTATUS(?:$|\[)/.test(name)) return `RINGSIDE_${name}`;
    return undefined;
  }

  /** At each turn of a loop others have theirs (see Bash.turn): what it runs may ask for nothing that is waited for. */
  private loop(node: Loop): Loop {
    this.hasChanged = true;
    const turn: Redirection = { type: 'Redirection', fd: TURN_FD, operator: '<', target: literal(PATHS.turn) };
    return node.type === 'While' || node.type === 'Until'
      ? { ...node, condition: [statement(group(node.condition, [turn]))] }
      : { ...node, body: [statement(group(node.body, [turn]))] };
  }

  /** `select`: a menu and a question before each turn, until there are no more answers. */
  private select({ variable, words, body, redirections, line }: For): CommandNode {
    this.hasChanged = true;
    const name = variable.slice(SELECT.length),
      list = `RINGSIDE_ITEMS_${++this.ids}`,
      menu = `RINGSIDE_MENU_${this.ids}`;
    const items = { ...assignment(list, NOTHING), value: null, array: words ?? PARAMETERS };
    const [loop] = this.parse(`while
  while if [[ $${menu} ]]; then /usr/bin/select-menu "\${${list}[@]}" >&2; fi
    printf %s "\${PS3-#? }"'' >&2; ${menu}=; read || { echo; ${menu}=end; }
    [[ ! $${menu} && ! $REPLY ]]
  do ${menu}=1; done
  [[ ! $${menu} ]]
do
  ${name}=; if [[ $REPLY =~ ^[[:blank:]]*[0-9]+[[:blank:]]*$ ]] && ((REPLY > 0)); then ${name}=\${${list}[REPLY-1]-}; fi
done`);
    const turns = this.loop(loop.pipelines[0].commands[0] as Loop);
    if ('condition' in turns) turns.body.push(...body);
    const [first, last] = this.parse(`${menu}=1\n[[ $${menu} != end ]]`);
    const [some] = this.parse(`((\${#${list}[@]} == 0))`);
    const all = {
      ...some,
      operators: ['||' as const],
      pipelines: [...some.pipelines, ...statement(group([first, statement(turns, line), last])).pipelines],
    };
    return group([statement(simple(null, [], [], [items])), all], redirections);
  }

  /** A pipe whose first command may never end. */
  private pipeline(node: Pipeline, scope: Scope): Pipeline {
    const { commands } = node;
    if (commands.length < 2) return node;
    const id = ++this.ids;
    const reader = readerOf(commands, id);
    const statements = reader && new Writer(scope.functions, id).statements(commands[0], !reader.last);
    if (!statements) return node;
    this.hasChanged = true;
    this.readers.set(id, reader);
    this.stored.set(id, { statements, text: '' });
    const [first] = this.parse(`/usr/bin/pipe-from ${id} ${scope.id} "$(declare -p)" "$(declare -F)"`);
    return { ...node, commands: [first.pipelines[0].commands[0], ...commands.slice(1)] };
  }

  /** What is before `&` is kept, and started by what takes its place. */
  private job(node: StatementNode, scope: Scope): StatementNode {
    const id = ++this.ids;
    const text = (node.sourceText ?? '').trim().replace(/\s*&$/, '');
    this.stored.set(id, { statements: [{ ...node, background: false }], text });
    const [start] = this.parse(`/usr/bin/start-job ${id} ${scope.id} "$(declare -p)" "$(declare -F)"`);
    return { ...start, line: node.line };
  }

  private command(node: SimpleCommandNode, scope: Scope): CommandNode {
    const redirections = node.redirections.flatMap(each => {
      const target = 'parts' in each.target ? textOf(each.target) : undefined;
      if (target === undefined) return each;
      const standard = each.operator === '<' && PATHS.stdin.some(path => path === target);
      if (standard) return (each.fd ?? 0) === 0 ? [] : { ...each, operator: '<&' as const, target: literal('0') };
      const isOut = each.operator === '>' || each.operator === '>>';
      const to = isOut
        ? [PATHS.stdout, PATHS.stderr].findIndex(paths => paths.slice(1).some(path => path === target)) + 1
        : 0;
      return to > 0 ? { ...each, operator: '>&' as const, target: literal(String(to)) } : each;
    });
    const given =
      redirections.length === node.redirections.length && redirections.every((each, i) => each === node.redirections[i])
        ? node
        : { ...node, redirections };
    const { name } = given;
    if (!name) return given;
    const text = textOf(name);
    if (text === undefined)
      return literalsOf(name).includes('/')
        ? this.file(given, name)
        : splits(name)
          ? { ...given, name: NOTHING, args: [name, ...given.args] }
          : given;
    if (OURS.has(text)) return { ...given, name: literal(`/usr/bin/${text}`) };
    if (text === 'trap') return this.trap(given, scope);
    if (text === 'kill') return this.kill(given);
    if (text === 'exit' && scope.traps) return this.exit(given);
    if (text === 'exec' && given.args.length > 0 && !(textOf(given.args[0]) ?? '').startsWith('-'))
      return this.exec(given, scope);
    if (text === 'eval' && given.args.length > 0) return this.eval(given, scope);
    if ((text === 'source' || text === '.') && given.args.length > 0) return this.source(given, scope);
    if (/^(?:declare|typeset|local)$/.test(text)) return this.declare(given);
    // Programs of Domain 0 are in these folders.
    if (text.includes('/') && !/^\/(?:usr\/)?s?bin\/[^/]+$/.test(text)) return this.file(given, name);
    return given;
  }

  private trap(node: SimpleCommandNode, scope: Scope): CommandNode {
    scope.traps = true;
    const [own] = this.parse(`RINGSIDE_SHELL=$BASHPID RINGSIDE_DEPTH=\${#FUNCNAME[@]}`);
    const { assignments } = own.pipelines[0].commands[0] as SimpleCommandNode;
    return { ...node, name: literal('/usr/bin/trap'), assignments: [...node.assignments, ...assignments] };
  }

  /** A signal for this shell itself has its handler run before the next command. */
  private kill(node: SimpleCommandNode): CommandNode {
    const handlers = this.parse(
      'RINGSIDE_STATUS=$? RINGSIDE_SHELL=$BASHPID; eval "$(/usr/bin/trap --signals "$RINGSIDE_SHELL" "$RINGSIDE_STATUS")"',
    );
    const [before] = this.parse('RINGSIDE_SHELL=$BASHPID');
    const command = { ...node, name: literal('/usr/bin/kill'), redirections: [] };
    return group([before, statement(command, node.line), ...handlers], node.redirections);
  }

  private exit(node: SimpleCommandNode): CommandNode {
    const [status, ...rest] = this.parse(leave('exit "$RINGSIDE_STATUS"'));
    const first = status.pipelines[0].commands[0];
    if (node.args.length > 0 && first.type === 'SimpleCommand') first.assignments[0].value = node.args[0];
    return group([status, ...rest], node.redirections);
  }

  private exec(node: SimpleCommandNode, scope: Scope): CommandNode {
    const [name, ...args] = node.args;
    const ran = this.command({ ...node, name, args, redirections: [] }, scope);
    const left = this.command(simple(literal('exit')), scope);
    return group([statement(ran, node.line), statement(left)], node.redirections);
  }

  private eval(node: SimpleCommandNode, scope: Scope): CommandNode {
    const [first] = this.parse(`eval "$(/usr/bin/rewritten-text ${scope.id} "$?")"`);
    const changed = first.pipelines[0].commands[0] as SimpleCommandNode;
    const quoted = changed.args[0].parts[0] as Extract<Part, { type: 'DoubleQuoted' }>;
    const inner = (quoted.parts[0] as Extract<Part, { type: 'CommandSubstitution' }>).body.statements[0].pipelines[0]
      .commands[0] as SimpleCommandNode;
    inner.args.push(...node.args);
    return { ...node, args: changed.args };
  }

  /** A file to read in this shell: what is read of it next is as it has to run. Redirections come before: it may be standard input. */
  private source(node: SimpleCommandNode, scope: Scope): CommandNode {
    const [first] = this.parse(`. "$(/usr/bin/rewritten-file ${scope.id} "$?")"`);
    const changed = first.pipelines[0].commands[0] as SimpleCommandNode;
    const quoted = changed.args[0].parts[0] as Extract<Part, { type: 'DoubleQuoted' }>;
    const inner = (quoted.parts[0] as Extract<Part, { type: 'CommandSubstitution' }>).body.statements[0].pipelines[0]
      .commands[0] as SimpleCommandNode;
    inner.args.push(node.args[0]);
    const command: SimpleCommandNode = { ...node, args: [...changed.args, ...node.args.slice(1)], redirections: [] };
    return group([statement(command, node.line)], node.redirections);
  }

  /** A file by its path is a script. */
  private file(node: SimpleCommandNode, name: WordNode): CommandNode {
    return { ...node, name: literal('/usr/bin/run-file'), args: [name, ...node.args] };
  }

  /** `declare -A m=([k]="a b")`: just-bash breaks the values of such a word at their spaces, and not those of an assignment. */
  private declare(node: SimpleCommandNode): CommandNode {
    if (!node.args.some(arg => /^-[a-zA-Z]*A/.test(textOf(arg) ?? ''))) return node;
    const assigned: Assignment[] = [];
    const args = node.args.map(arg => {
      const { parts } = arg;
      const [, name, plus] = (parts[0]?.type === 'Literal' && /^([A-Za-z_]\w*)(\+?)=\($/.exec(parts[0].value)) || [];
      const last = parts.at(-1);
      if (name === undefined || parts.length < 2 || last?.type !== 'Literal' || !last.value.endsWith(')')) return arg;
      const words: Part[][] = [[]];
      for (const part of [...parts.slice(1, -1), { ...last, value: last.value.slice(0, -1) }]) {
        if (part.type !== 'Literal') words.at(-1)?.push(part);
        else
          part.value.split(/\s+/).forEach((piece, i) => {
            if (i > 0) words.push([]);
            if (piece !== '') words.at(-1)?.push({ ...part, value: piece });
          });
      }
      assigned.push({
        type: 'Assignment',
        name,
        value: null,
        append: plus === '+',
        array: words.filter(each => each.length > 0).map(each => ({ type: 'Word', parts: each })),
      });
      return literal(name);
    });
    if (assigned.length === 0) return node;
    return group([statement({ ...node, args }, node.line), statement(simple(null, [], [], assigned), node.line)]);
  }
}
