/**
 * Pipes whose writer may never end (`while true; do date; done | head -3`). just-bash runs a pipe's commands one after the other, each with all that the one
 * before it has written. So where a loop writes to a command that may end before its input does, each turn of the loop hands over what it has written, and the
 * reader is tried on what came so far: once that would have ended it, the writer's next write ends the writer, as SIGPIPE does (pipe(7)).
 */
import type { CommandNode, SimpleCommandNode, StatementNode, WordNode } from 'just-bash';
import type { JobEnd } from './jobs.ts';
import { group, literal, statement, textOf } from './nodes.ts';

type Pipeline = StatementNode['pipelines'][number];
type FunctionDef = Extract<CommandNode, { type: 'FunctionDef' }>;

/** 128 + SIGPIPE. */
export const BY_PIPE = 141;
/** Below this many characters the reader is tried at each write, and then each time that there are twice as many. */
const TRIED_EACH_TIME = 4096;
/** As many characters as a reader is given that cannot be tried, as it may do more than read. */
const MOST_UNTRIED = 1 << 14;
const PREFIX = '/proc/ringside/pipe/';
const pipePath = (id: number): string => `${PREFIX}${id}`;
export const isPipe = (path: string): boolean => path.startsWith(PREFIX);
export const pipeOf = (path: string): number => Number(path.slice(PREFIX.length));
const endPath = (id: number): string => `${PREFIX}${id}/end`;

/** What decides when a pipe's first command ends. */
export interface Reader {
  /** Commands before the one that ends. */
  filters: CommandNode[];
  /** Absent: it cannot be tried, and is for writers alone that never end by themselves. */
  last?: CommandNode;
  /** It reads nothing. */
  isDeaf?: boolean;
  /** END_MARK follows what it reads. */
  isMarked?: boolean;
  /** Whether it has ended before its input did. */
  ends(tried: Tried): boolean;
}
export interface Tried {
  stdout: string;
  status: number;
  /** Characters that it was given. */
  given: number;
  /** It has come to END_MARK, and said so. */
  isAtEnd: boolean;
}
const UNTRIED = { ends: () => false };

/** A line behind what came so far: a command that comes to it has not ended before. */
const END_MARK = 'RINGSIDE END OF WHAT CAME SO FAR';
const lines = (text: string): number => text.split('\n').length - 1;
const FILTERS = /^(?:cat|cut|egrep|expand|fgrep|fold|grep|head|nl|rev|tr|unexpand|uniq)$/;

/** Words of a command; undefined: it is another, or writes into a file. */
function wordsOf(command: CommandNode): (string | undefined)[] | undefined {
  if (command.type !== 'SimpleCommand' || command.redirections.some(({ operator }) => operator.startsWith('>')))
    return undefined;
  return [command.name, ...command.args].map(textOf);
}

/** How a command ends before its input does; undefined: it does not. `flagFile`: the file that says that it has come to END_MARK. */
function end(command: CommandNode, flagFile: string): Omit<Reader, 'filters'> | undefined {
  const words = wordsOf(command);
  if (!words) return mayLeave(command) ? UNTRIED : undefined;
  const [name, ...args] = words,
    text = args.join(' ');
  switch (name) {
    case 'head':
      return { last: command, isMarked: true, ends: ({ stdout, given }) => stdout.length <= given };
    case 'grep':
    case 'egrep':
    case 'fgrep': {
      if (/(?:^| )-[a-zA-Z]*q|--quiet|--silent/.test(text))
        return { last: command, ends: ({ status }) => status === 0 };
      const count = /(?:^| )(?:-[a-zA-Z]*m ?|--max-count[= ])(\d+)/.exec(text)?.[1];
      return count === undefined ? undefined : { last: command, ends: ({ stdout }) => lines(stdout) >= Number(count) };
    }
    case 'sed':
      return /q/i.test(text)
        ? {
            last: withScript(command as SimpleCommandNode, `/^${END_MARK}$/w ${flagFile}`, ['-e']),
            isMarked: true,
            ends: ({ isAtEnd }) => !isAtEnd,
          }
        : undefined;
    case 'awk':
      return /exit/.test(text) && !/[>|]|system/.test(text)
        ? {
            last: withScript(command as SimpleCommandNode, `$0 == "${END_MARK}" { printf "1" > "${flagFile}" }\n`),
            isMarked: true,
            ends: ({ isAtEnd }) => !isAtEnd,
          }
        : undefined;
    case 'read':
      return UNTRIED;
    case 'true':
    case 'false':
    case ':':
    case 'echo':
    case 'printf':
    case 'exit':
      return { ...UNTRIED, isDeaf: true };
    default:
      return undefined;
  }
}

/** Whether commands leave a loop, or read some lines alone. */
function mayLeave(command: CommandNode): boolean {
  const isLoop = /^(?:While|Until|For|CStyleFor)$/.test(command.type);
  return has(
    command,
    ({ type, name }: SimpleCommandNode) =>
      type === 'SimpleCommand' && (isLoop ? /^(?:break|exit|return)$/ : /^(?:read|head)$/).test(textOf(name) ?? ''),
  );
}

function has<T>(node: unknown, is: (node: T) => boolean): boolean {
  if (Array.isArray(node)) return node.some(each => has(each, is));
  if (typeof node !== 'object' || node === null) return false;
  return is(node as T) || Object.values(node).some(each => has(each, is));
}

/** A command of sed or awk with a rule before its own: as an option, or in front of its first word that is none. */
function withScript(command: SimpleCommandNode, rule: string, option: string[] = []): SimpleCommandNode {
  const { args } = command;
  const at = args.findIndex((arg, i) => !textOf(arg)?.startsWith('-') && !/^-[vF]$/.test(textOf(args[i - 1]) ?? ''));
  const before = option.map(literal),
    own = single(rule);
  if (option.length === 0)
    return {
      ...command,
      args: args.map((arg, i) => (i === at ? { ...arg, parts: [...own.parts, ...arg.parts] } : arg)),
    };
  const hasOption = args.some(arg => /^-[nErsuz]*e/.test(textOf(arg) ?? ''));
  const rest = hasOption ? args : [...args.slice(0, at), ...before, ...args.slice(at)];
  return { ...command, args: [...before, own, ...rest] };
}
const single = (value: string): WordNode => ({ type: 'Word', parts: [{ type: 'SingleQuoted', value }] });

/** Which commands decide when a pipe's first one ends; undefined: none, it runs to its own end. */
export function readerOf([, ...rest]: readonly CommandNode[], id: number): Reader | undefined {
  for (const [i, command] of rest.entries()) {
    const found = end(command, endPath(id));
    if (found?.last) return { ...found, filters: rest.slice(0, i) };
    if (found) return i === 0 ? { ...found, filters: [] } : undefined;
    if (!FILTERS.test(wordsOf(command)?.[0] ?? '')) return undefined;
  }
  return undefined;
}

const LOOPS = /^(?:While|Until|For|CStyleFor)$/;

/** A pipe's first command that hands over what it writes, a piece at a time. */
export class Writer {
  private readonly functions: ReadonlyMap<string, FunctionDef>;
  private readonly path: string;
  private readonly defined = new Map<string, StatementNode>();

  constructor(functions: ReadonlyMap<string, FunctionDef>, id: number) {
    this.functions = functions;
    this.path = pipePath(id);
  }

  /** Undefined: nothing in it goes round, or, with `isForEver`, nothing does for ever. */
  statements(command: CommandNode, isForEver: boolean): StatementNode[] | undefined {
    if (isForEver ? !has(command, goesOn) : !this.loops(command)) return undefined;
    return this.script([statement(command)]);
  }

  script(statements: readonly StatementNode[]): StatementNode[] {
    const written = this.list(statements);
    return [...this.defined.values(), ...written];
  }

  private list(statements: readonly StatementNode[]): StatementNode[] {
    return statements.map(each => {
      const inner = this.inner(each);
      return inner ? { ...each, pipelines: [{ ...each.pipelines[0], commands: [inner] }] } : this.handedOver(each);
    });
  }

  private handedOver(each: StatementNode): StatementNode {
    return statement(
      group([each], [{ type: 'Redirection', fd: null, operator: '>>', target: literal(this.path) }]),
      each.line,
    );
  }

  /** A command that is written itself, with what is in it; undefined: it is handed over as a whole. */
  private inner({ pipelines, background }: StatementNode): CommandNode | undefined {
    const [{ commands, negated }] = pipelines as [Pipeline];
    const [command] = commands;
    if (background || negated || pipelines.length > 1 || commands.length > 1 || !this.loops(command)) return undefined;
    if (
      'redirections' in command &&
      command.redirections.some(({ operator, fd }) => /^[>&]/.test(operator) && fd !== 2)
    )
      return undefined;
    switch (command.type) {
      case 'SimpleCommand': {
        const name = textOf(command.name) ?? '';
        const called = this.functions.get(name);
        if (!called) return isShell(command) ? this.shell(command) : undefined;
        if (!this.defined.has(name)) {
          const define = (body: FunctionDef['body']): void =>
            void this.defined.set(name, statement({ ...called, body }));
          define(called.body);
          define(group(this.list([statement(called.body)])) as FunctionDef['body']);
        }
        return command;
      }
      case 'If':
        return {
          ...command,
          clauses: command.clauses.map(each => ({ ...each, body: this.list(each.body) })),
          elseBody: command.elseBody && this.list(command.elseBody),
        };
      case 'Case':
        return { ...command, items: command.items.map(each => ({ ...each, body: this.list(each.body) })) };
      case 'While':
      case 'Until':
      case 'For':
      case 'CStyleFor':
      case 'Group':
      case 'Subshell':
        return { ...command, body: this.list(command.body) };
      default:
        return undefined;
    }
  }

  private loops(command: CommandNode, seen = new Set<string>()): boolean {
    return has(command, ({ type, name }: SimpleCommandNode) => {
      if (LOOPS.test(type)) return true;
      if (type !== 'SimpleCommand') return false;
      const called = textOf(name) ?? '',
        body = this.functions.get(called)?.body;
      if (!body || seen.has(called)) return isShell({ type, name } as SimpleCommandNode);
      seen.add(called);
      return this.loops(body, seen);
    });
  }

  /** A script writes to where its parent does. */
  private shell(command: SimpleCommandNode): SimpleCommandNode {
    return {
      ...command,
      assignments: [
        ...command.assignments,
        { type: 'Assignment', name: 'RINGSIDE_PIPE', value: literal(this.path), append: false, array: null },
      ],
    };
  }
}

/** `while true`, `until false`, `for ((;;))`. */
const goesOn = (node: CommandNode): boolean =>
  node.type === 'CStyleFor'
    ? node.condition === null
    : (node.type === 'While' || node.type === 'Until') &&
      has(
        node.condition,
        ({ type, name }: SimpleCommandNode) =>
          type === 'SimpleCommand' && (node.type === 'While' ? /^(?:true|:)$/ : /^false$/).test(textOf(name) ?? ''),
      );
const isShell = ({ name }: SimpleCommandNode): boolean => /^(?:sh|bash|\/usr\/bin\/run-file)$/.test(textOf(name) ?? '');

/** What goes through pipes while their writers run. */
export class Pipes {
  private readonly open = new Map<string, (text: string) => Promise<void>>();

  /** What is answered for a pipe; undefined: the path is none. */
  answer(name: string | symbol, path: string, text: unknown): Promise<unknown> | undefined {
    const take = path.startsWith(PREFIX) ? this.open.get(path) : undefined;
    if (!take) return undefined;
    if (name === 'exists') return Promise.resolve(false);
    return name === 'appendFile' || name === 'writeFile' ? take(String(text)) : undefined;
  }

  /**
   * What a writer has written until it ended, or until its reader would have.
   * @param runs a text through the reader's filters, or through its last command
   */
  async run(
    id: number,
    { filters, last, isDeaf = false, isMarked = false, ends }: Reader,
    writer: () => Promise<JobEnd>,
    runs: (part: 'filters' | 'last', text: string) => Promise<JobEnd>,
  ): Promise<JobEnd> {
    let written = '',
      next = 0,
      isClosed = false,
      isAtEnd = false;
    const tries = async (): Promise<boolean> => {
      const text = filters.length > 0 ? (await runs('filters', written)).stdout : written;
      isAtEnd = false;
      const { stdout, status } = await runs('last', isMarked ? `${text}${END_MARK}\n` : text);
      return ends({ stdout, status, given: text.length, isAtEnd });
    };
    this.open.set(endPath(id), async text => {
      isAtEnd ||= text !== '';
    });
    this.open.set(pipePath(id), async text => {
      if (text === '') return;
      if (isClosed) throw new Error(BROKEN);
      written += text;
      if (!last) isClosed = isDeaf || written.length >= MOST_UNTRIED;
      else if (written.length >= next) {
        isClosed = await tries();
        next = written.length < TRIED_EACH_TIME ? 0 : 2 * written.length;
      }
    });
    try {
      const { stdout, stderr, status } = await writer();
      return isClosed && stderr.endsWith(`${BROKEN}\n`)
        ? { stdout: written, stderr: stderr.slice(0, -BROKEN.length - 1), status: BY_PIPE }
        : { stdout: written + stdout, stderr, status };
    } finally {
      this.open.delete(pipePath(id));
      this.open.delete(endPath(id));
    }
  }
}

const BROKEN = 'EPIPE: broken pipe';
