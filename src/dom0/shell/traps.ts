/**
 * ERR, DEBUG and RETURN (bash(1), "trap"), which just-bash does not have: commands that run their handlers are put between the commands of a text that sets one.
 * `set -e` is then ours as well, since a handler of ERR runs before the shell is left.
 *
 *   ERR      behind a simple command, pipeline, subshell, (( )) or [[ ]] that has failed, where `set -e` would look at its status
 *   DEBUG    before a simple command, a turn of `for`, `case`, (( )) or [[ ]], and the first command of a function
 *   RETURN   where a function or a file that was read (`.`) ends
 *
 * Functions, subshells and substitutions have none of them unless `set -E` (ERR) or `set -T` (DEBUG, RETURN) says so, or unless they set it themselves.
 */
import type { CommandNode, ScriptNode, SimpleCommandNode, StatementNode, WordNode } from 'just-bash';
import { assignment, group, literal, simple, statement, textOf } from './nodes.ts';

type Pipeline = StatementNode['pipelines'][number];
type FunctionDef = Extract<CommandNode, { type: 'FunctionDef' }>;

export const EVENTS = ['ERR', 'DEBUG', 'RETURN'] as const;
export type Event = (typeof EVENTS)[number];

/** Where commands are. */
interface Place {
  /** Their status is asked for: in a condition, before && and ||, behind `!`. */
  isAsked: boolean;
  /** In a pipe: a shell of its own, though its number is its parent's. */
  isPiped: boolean;
  isFunction: boolean;
}

/** What stays of a command while its handler runs. */
const SAVED = `RINGSIDE_STATUS=$? RINGSIDE_PIPESTATUS=("\${PIPESTATUS[@]}")`;
const RESTORED = '(exit "$RINGSIDE_STATUS")';
/** Options of `set` that are looked at here, and the variables that keep them. */
const OPTIONS = [
  ['e', 'errexit', 'RINGSIDE_ERREXIT'],
  ['E', 'errtrace', 'RINGSIDE_ERRTRACE'],
  ['T', 'functrace', 'RINGSIDE_FUNCTRACE'],
] as const;
const lineOf = (command: CommandNode, line: number): number => command.line || line;
const nameOf = (command: CommandNode): string | undefined =>
  command.type === 'SimpleCommand' ? textOf(command.name) : undefined;
const quoted = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;

/** Which of the three a `trap` among these nodes sets; a name that is not written out may be any. */
export function eventsIn(node: unknown, found = new Set<Event>()): Set<Event> {
  if (Array.isArray(node)) for (const each of node) eventsIn(each, found);
  else if (typeof node === 'object' && node !== null) {
    const { type, name, args } = node as SimpleCommandNode;
    if (type === 'SimpleCommand' && textOf(name) === 'trap')
      for (const arg of args) {
        const text = textOf(arg)?.toUpperCase();
        for (const event of EVENTS) if (text === event || (text === undefined && arg !== args[0])) found.add(event);
      }
    for (const each of Object.values(node)) eventsIn(each, found);
  }
  return found;
}

export interface TrapsParts {
  events: ReadonlySet<Event>;
  /** Whether a word may call a function. */
  isFunction(name: string | undefined): boolean;
  /** A text of ours as statements that nobody rewrites. */
  parse(text: string): StatementNode[];
  /** A command as it is written. */
  written(command: CommandNode): string;
  /** Leaves this shell with what is in RINGSIDE_STATUS. */
  leave: string;
}

export class Traps {
  private readonly parts: TrapsParts;

  constructor(parts: TrapsParts) {
    this.parts = parts;
  }

  script(statements: StatementNode[]): StatementNode[] {
    return this.list(statements, { isAsked: false, isPiped: false, isFunction: false });
  }

  private list(statements: readonly StatementNode[], place: Place): StatementNode[] {
    return statements.map(each => this.statement(each, place));
  }

  private statement(node: StatementNode, place: Place): StatementNode {
    if (node.background) return node;
    const { operators } = node;
    const pipelines = node.pipelines.map((pipeline, i) =>
      this.pipeline(
        pipeline,
        { ...place, isAsked: place.isAsked || pipeline.negated || /[&|]/.test(operators[i] ?? '') },
        node.line ?? 0,
      ),
    );
    return { ...node, pipelines };
  }

  private pipeline(node: Pipeline, place: Place, line: number): Pipeline {
    const { commands } = node;
    const isPipe = commands.length > 1;
    const inner = commands.map(each => this.command(each, isPipe ? { ...place, isPiped: true } : place));
    const text = (command: CommandNode): string => this.textBefore(command);
    const before = commands.flatMap(each =>
      (isPipe && each.type !== 'SimpleCommand') || each.type === 'For'
        ? []
        : this.debug(text(each), lineOf(each, line), place),
    );
    const [only] = commands;
    const isLeaf =
      isPipe ||
      only.type === 'SimpleCommand' ||
      only.type === 'Subshell' ||
      only.type === 'ArithmeticCommand' ||
      only.type === 'ConditionalCommand';
    const after = [
      ...(isLeaf && !isPipe && /^(?:source|\.)$/.test(nameOf(only) ?? '') ? this.hook('RETURN', '', place) : []),
      ...(isLeaf && !place.isAsked ? this.failed(this.at(text(commands.at(-1)!), lineOf(only, line)), place) : []),
      ...(isPipe && place.isAsked ? this.parts.parse(`${SAVED}\n${RESTORED}`) : []),
    ];
    if (before.length + after.length === 0) return { ...node, commands: inner };
    const run: StatementNode = {
      ...statement(inner[0], line),
      pipelines: [{ ...node, commands: inner, negated: false, timed: false }],
    };
    const { pipeStderr: _inner, ...outer } = node;
    return { ...outer, commands: [group([...before, run, ...after])] };
  }

  private command(node: CommandNode, place: Place): CommandNode {
    const asked = { ...place, isAsked: true };
    const list = (statements: readonly StatementNode[]): StatementNode[] => this.list(statements, place);
    switch (node.type) {
      case 'SimpleCommand':
        return this.simple(this.words(node, place), place);
      case 'If':
        return {
          ...node,
          clauses: node.clauses.map(each => ({
            ...each,
            condition: this.list(each.condition, asked),
            body: list(each.body),
          })),
          elseBody: node.elseBody && list(node.elseBody),
        };
      case 'While':
      case 'Until':
        return { ...node, condition: this.list(node.condition, asked), body: list(node.body) };
      case 'For':
        return {
          ...this.words(node, place),
          body: [...this.debug(this.textBefore(node), node.line ?? 0, place), ...list(node.body)],
        };
      case 'Case':
        return { ...node, items: node.items.map(each => ({ ...each, body: list(each.body) })) };
      case 'CStyleFor':
      case 'Group':
      case 'Subshell':
        return { ...node, body: list(node.body) };
      case 'FunctionDef':
        return this.function(node);
      default:
        return this.words(node, place);
    }
  }

  /** Commands in the words of a command. A substitution does not take `set -e` over (bash(1), "Command Substitution"). */
  private words<T>(node: T, place: Place): T {
    if (Array.isArray(node)) return node.map(each => this.words(each, place)) as T;
    if (typeof node !== 'object' || node === null) return node;
    const copy: Record<string, unknown> = {};
    for (const [key, value] of Object.entries(node))
      if (key === 'body' && (value as ScriptNode | null)?.type === 'Script') {
        const script = value as ScriptNode;
        copy[key] = {
          ...script,
          statements: [...this.parts.parse('RINGSIDE_ERREXIT='), ...this.list(script.statements, place)],
        };
      } else if (key !== 'body') copy[key] = this.words(value, place);
      else copy[key] = value;
    return copy as T;
  }

  private simple(node: SimpleCommandNode, place: Place): CommandNode {
    const name = textOf(node.name);
    if (name === 'set') return this.set(node);
    if (name === 'return' && place.isFunction) return this.return(node, place);
    if (!place.isAsked || !this.parts.isFunction(name)) return node;
    // What it calls has its status asked for, too.
    return { ...node, assignments: [...node.assignments, assignment('RINGSIDE_ASKED', literal('1'))] };
  }

  /** Of the options of `set`, those that are ours. */
  private set(node: SimpleCommandNode): CommandNode {
    const assigned: string[] = [];
    const args: WordNode[] = [];
    for (let i = 0; i < node.args.length; i++) {
      const text = textOf(node.args[i]);
      const [, sign, letters] = /^([-+])([a-zA-Z]+)$/.exec(text ?? '') ?? [];
      if (sign === undefined) {
        args.push(...node.args.slice(i));
        break;
      }
      const isOn = sign === '-' ? '1' : '';
      const named = letters.endsWith('o') ? textOf(node.args[i + 1] ?? null) : undefined;
      for (const [letter, option, variable] of OPTIONS)
        if (letters.includes(letter) || named === option) assigned.push(`${variable}=${isOn}`);
      const left = letters.replace('e', '').replace(named === 'errexit' ? 'o' : '', '');
      if (left !== '') args.push(literal(`${sign}${left}`));
      if (named !== undefined && named !== 'errexit') args.push(node.args[i + 1]);
      if (letters.endsWith('o')) i++;
    }
    if (assigned.length === 0) return node;
    const set = args.length > 0 ? [statement({ ...node, args }, node.line)] : [];
    return group([...set, ...this.parts.parse(assigned.join(' '))]);
  }

  private function(node: FunctionDef): CommandNode {
    const place = { isAsked: false, isPiped: false, isFunction: true };
    const body = this.command(node.body, place);
    const inner = body.type === 'Group' && body.redirections.length === 0 ? body.body : [statement(body)];
    return {
      ...node,
      body: group([
        ...this.debug(`${node.name}`, node.line ?? 0, place),
        ...inner,
        ...this.hook('RETURN', '', place),
      ]) as FunctionDef['body'],
    };
  }

  /** `return 3`: its word is expanded first, and the handler finds `$?` as it was. */
  private return(node: SimpleCommandNode, place: Place): CommandNode {
    if (!this.parts.events.has('RETURN')) return node;
    const [saved] = this.parts.parse(SAVED);
    const [kept] = this.parts.parse('RINGSIDE_RETURN=$RINGSIDE_STATUS');
    const first = kept.pipelines[0].commands[0] as SimpleCommandNode;
    if (node.args.length > 0) first.assignments[0].value = node.args[0];
    return group(
      [
        saved,
        kept,
        ...this.parts.parse('(exit "$RINGSIDE_STATUS")'),
        ...this.hook('RETURN', '', place, 'RINGSIDE_RETURN'),
        ...this.parts.parse('return "$RINGSIDE_STATUS"'),
      ],
      node.redirections,
    );
  }

  private debug(command: string, line: number, place: Place): StatementNode[] {
    return command === '' ? [] : this.hook('DEBUG', this.at(command, line), place);
  }

  private at(command: string, line: number): string {
    return `RINGSIDE_LINE=${line} RINGSIDE_COMMAND=${quoted(command)}`;
  }

  /** Runs a handler, and leaves `$?` as it is, or as a variable has it. */
  private hook(event: Event, at: string, place: Place, status = 'RINGSIDE_STATUS'): StatementNode[] {
    const text = this.run(event, at, place, status);
    return text === '' ? [] : this.parts.parse(`${SAVED}\n${text}\n${RESTORED}`);
  }

  private run(event: Event, at: string, { isPiped }: Place, status = 'RINGSIDE_STATUS'): string {
    if (!this.parts.events.has(event)) return '';
    const inherits = event === 'ERR' ? 'RINGSIDE_ERRTRACE' : 'RINGSIDE_FUNCTRACE';
    return `if [[ \${RINGSIDE_TRAP_${event}-} && ! \${RINGSIDE_HANDLED-} ]]; then RINGSIDE_DEPTH=\${#FUNCNAME[@]} RINGSIDE_SHELL=${isPiped ? '0' : '$BASHPID'} ${at}
eval "$(/usr/bin/trap --run ${event} "$RINGSIDE_SHELL" "$RINGSIDE_STATUS" "$RINGSIDE_DEPTH" "\${${inherits}-}"'' "$${status}")"; fi`;
  }

  /** Behind a command: ERR, and `set -e`. */
  private failed(at: string, place: Place): StatementNode[] {
    return this.parts.parse(`${SAVED}
if [[ $RINGSIDE_STATUS != 0 && ! \${RINGSIDE_ASKED-} ]]; then ${this.run('ERR', at, place) || ':'}
if [[ \${RINGSIDE_ERREXIT-} ]]; then ${RESTORED}; ${this.parts.leave}; fi; fi
${RESTORED}`);
  }

  /** What `$BASH_COMMAND` is in a handler of DEBUG; nothing: there is none before this one. */
  private textBefore(command: CommandNode): string {
    const { written } = this.parts;
    switch (command.type) {
      case 'SimpleCommand':
      case 'ArithmeticCommand':
      case 'ConditionalCommand':
        return written(command);
      case 'For':
        return `for ${command.variable} in ${command.words ? written(simple(null, command.words)).trim() : '"$@"'}`;
      case 'Case':
        return `case ${written(simple(command.word))} in `;
      default:
        return '';
    }
  }
}
