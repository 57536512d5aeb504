/**
 * What just-bash (3.4.2) makes of a line otherwise than bash, put right in the tree of the line before it runs (POSIX, Shell Command Language, 2.9.1 and 2.14;
 * bash(1)):
 *
 *   "$@"; $XL list           the first field of what a first word comes to is the command, and the others are its arguments
 *   sleep 9 &                runs beside what comes next: as a job (jobs.ts), with what the shell has of functions and arrays
 *   trap 'rm f' EXIT; exit   a handler runs where the shell is left
 *   trap 'x' USR1; kill … $$ and behind the command that has sent its signal to the shell
 *   exec "$@"                is the last thing that a shell does
 *   cat < /dev/stdin         standard input
 *   eval, source, ./script   what they read is rewritten, too: just-bash reads it without asking
 *
 * Commands that it knows itself (`wait`) and that are ours are named by their paths.
 */
import type { CommandNode, ScriptNode, SimpleCommandNode, StatementNode, WordNode } from 'just-bash';
import type { Bash } from 'just-bash/browser';

type Plugin = Parameters<Bash['registerTransformPlugin']>[0];
type Part = WordNode['parts'][number];
type FunctionDef = Extract<CommandNode, { type: 'FunctionDef' }>;
type Assignment = SimpleCommandNode['assignments'][number];
type Redirection = SimpleCommandNode['redirections'][number];

/** What one shell, a login or a script, has defined so far. */
export interface Scope {
  id: number;
  functions: Map<string, FunctionDef>;
  /** A handler may be set: it is looked for where the shell is left. */
  traps: boolean;
  /** At its end handlers run; not after a login's line. */
  ends: boolean;
  /** Its lines leave what they have to those after them. */
  keeps?: boolean;
}

/** Where what is written runs that something is to be done with later. */
export const PATHS = {
  stdin: ['/dev/stdin', '/dev/fd/0', '/proc/self/fd/0'],
  stdout: ['/dev/stdout', '/dev/fd/1', '/proc/self/fd/1'],
  stderr: ['/dev/stderr', '/dev/fd/2', '/proc/self/fd/2'],
} as const;

/** In front of a text whose statements belong to a scope; behind it the scope's id, and which stored statements come first and last (0: none). */
const MARK = 'ringside-scope';
/** What `$!` is. */
export const LAST_JOB = 'RINGSIDE_LAST_JOB';
const OURS = new Set(['wait', 'help']);
/** A command line at the end of a shell: what its handler is, with `$?` as it was. */
const leave = (end: string): string =>
  `RINGSIDE_STATUS=$? RINGSIDE_SHELL=$BASHPID; eval "$(/usr/bin/trap --run EXIT "$RINGSIDE_SHELL" "$RINGSIDE_STATUS")"; ${end}`;

const literal = (value: string): WordNode => ({ type: 'Word', parts: [{ type: 'Literal', value }] });
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

/** A word without expansions; undefined: it has some. */
function textOf(word: WordNode | null): string | undefined {
  if (!word) return undefined;
  let text = '';
  for (const part of word.parts) {
    if (part.type !== 'Literal' && part.type !== 'SingleQuoted' && part.type !== 'Escaped') return undefined;
    text += part.value;
  }
  return text;
}

/** Whether a word may come to several fields, or to none. */
const splits = ({ parts }: WordNode): boolean =>
  parts.some(part =>
    part.type === 'DoubleQuoted'
      ? part.parts.some(inner => inner.type === 'ParameterExpansion' && /^@$|\[@\]$/.test(inner.parameter))
      : part.type === 'ParameterExpansion' || part.type === 'CommandSubstitution' || part.type === 'BraceExpansion',
  );

const statement = (command: CommandNode, line?: number): StatementNode => ({
  type: 'Statement',
  pipelines: [{ type: 'Pipeline', commands: [command], negated: false }],
  operators: [],
  background: false,
  ...(line === undefined ? {} : { line }),
});
const simple = (
  name: WordNode | null,
  args: WordNode[] = [],
  redirections: Redirection[] = [],
  assignments: Assignment[] = [],
): SimpleCommandNode => ({ type: 'SimpleCommand', assignments, name, args, redirections });
const group = (body: StatementNode[], redirections: Redirection[] = []): CommandNode => ({
  type: 'Group',
  body,
  redirections,
});
const isNode = (value: unknown): value is { type: string } =>
  typeof value === 'object' && value !== null && 'type' in value;

export class Rewriting implements Plugin {
  readonly name = 'rewriting';
  private shell: Bash | undefined;
  private readonly scopes = new Map<number, Scope>();
  private readonly stored = new Map<number, { statements: StatementNode[]; text: string }>();
  private ids = 0;
  /** Texts that are ours, and no one's to rewrite. */
  private isOurs = false;
  private hasChanged = false;

  /** Looks at whatever the shell runs. */
  follow(shell: Bash): void {
    this.shell = shell;
    shell.registerTransformPlugin(this);
  }

  open(given: Partial<Omit<Scope, 'id'>> = {}): Scope {
    const scope = { functions: new Map<string, FunctionDef>(), traps: false, ends: false, ...given, id: ++this.ids };
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

  /** What stands before a job's `&`. */
  jobText(job: number): string {
    return this.stored.get(job)?.text ?? '';
  }

  /** A text as it has to run in a scope. @throws as the parser does */
  rewritten(text: string, scope: Scope): string {
    if (!this.shell) return text;
    this.hasChanged = false;
    const { script } = this.shell.transform(`: ${MARK} ${scope.id} inner;${text}`);
    return this.hasChanged ? script : text;
  }

  readonly transform: Plugin['transform'] = ({ ast }) => {
    if (this.isOurs) return { ast };
    const mark = this.markOf(ast);
    const scope = (mark && this.scopes.get(mark.id)) ?? this.open({ ends: true });
    const own = mark ? ast.statements.slice(1) : ast.statements;
    scope.traps ||= mentionsTraps(own);
    const all = [...this.take(mark?.first), ...this.statements(own, scope), ...this.take(mark?.last)];
    if (scope.ends && scope.traps && !mark?.inner) all.push(...this.parse(leave('exit $RINGSIDE_STATUS')));
    else if (scope.keeps && !mark?.inner)
      all.push(...this.parse('/usr/bin/keep-state "$?" "$(declare -p)" "$(declare -F)" "$(set +o)"'));
    return { ast: { ...ast, statements: all } };
  };

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

  /** A text of ours as statements. */
  private parse(text: string): StatementNode[] {
    this.isOurs = true;
    try {
      return this.shell?.transform(text).ast.statements ?? [];
    } finally {
      this.isOurs = false;
    }
  }

  private statements(statements: StatementNode[], scope: Scope): StatementNode[] {
    return statements.map(each => this.visit(each, scope) as StatementNode);
  }

  /** A node with what is in it. */
  private visit(node: unknown, scope: Scope): unknown {
    if (Array.isArray(node)) return node.map(each => this.visit(each, scope));
    if (typeof node !== 'object' || node === null) return node;
    const type = isNode(node) ? node.type : '';
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
    if (
      node.type === 'ParameterExpansion' &&
      (node as Extract<Part, { type: 'ParameterExpansion' }>).parameter === '!'
    ) {
      this.hasChanged = true;
      return { ...node, parameter: LAST_JOB };
    }
    if (node.type === 'FunctionDef') scope.functions.set((node as FunctionDef).name, node as FunctionDef);
    if (node.type !== 'Statement' || !(node as StatementNode).background) return node;
    this.hasChanged = true;
    return this.job(node as StatementNode, scope);
  }

  /** What `&` stands behind is kept, and started by what takes its place. */
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
    const shell: Assignment = {
      type: 'Assignment',
      name: 'RINGSIDE_SHELL',
      value: { type: 'Word', parts: [{ type: 'ParameterExpansion', parameter: 'BASHPID', operation: null }] },
      append: false,
      array: null,
    };
    return { ...node, name: literal('/usr/bin/trap'), assignments: [...node.assignments, shell] };
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

const literalsOf = ({ parts }: WordNode): string =>
  parts
    .map(part =>
      part.type === 'Literal'
        ? part.value
        : part.type === 'DoubleQuoted'
          ? literalsOf({ type: 'Word', parts: part.parts })
          : '',
    )
    .join('');

/** Whether statements, as they are written, set handlers, or read others that may. */
function mentionsTraps(node: unknown): boolean {
  if (Array.isArray(node)) return node.some(mentionsTraps);
  if (typeof node !== 'object' || node === null) return false;
  if (
    isNode(node) &&
    node.type === 'SimpleCommand' &&
    /^(?:trap|eval|source|\.)$/.test(textOf((node as SimpleCommandNode).name) ?? '')
  )
    return true;
  return Object.values(node).some(mentionsTraps);
}
