/** Pieces of the tree that just-bash reads a line into. */
import type { CommandNode, SimpleCommandNode, StatementNode, WordNode } from 'just-bash';

type Part = WordNode['parts'][number];
type FunctionDef = Extract<CommandNode, { type: 'FunctionDef' }>;
export type Assignment = SimpleCommandNode['assignments'][number];
export type Redirection = SimpleCommandNode['redirections'][number];

export const literal = (value: string): WordNode => ({ type: 'Word', parts: [{ type: 'Literal', value }] });

/** A word without expansions; undefined: it has some. */
export function textOf(word: WordNode | null): string | undefined {
  if (!word) return undefined;
  let text = '';
  for (const part of word.parts) {
    if (part.type !== 'Literal' && part.type !== 'SingleQuoted' && part.type !== 'Escaped') return undefined;
    text += part.value;
  }
  return text;
}

export const statement = (command: CommandNode, line?: number): StatementNode => ({
  type: 'Statement',
  pipelines: [{ type: 'Pipeline', commands: [command], negated: false }],
  operators: [],
  background: false,
  ...(line === undefined ? {} : { line }),
});
export const simple = (
  name: WordNode | null,
  args: WordNode[] = [],
  redirections: Redirection[] = [],
  assignments: Assignment[] = [],
): SimpleCommandNode => ({ type: 'SimpleCommand', assignments, name, args, redirections });
export const group = (body: StatementNode[], redirections: Redirection[] = []): CommandNode => ({
  type: 'Group',
  body,
  redirections,
});
export const assignment = (name: string, value: WordNode): Assignment => ({
  type: 'Assignment',
  name,
  value,
  append: false,
  array: null,
});

/** Whether a word may come to several fields, or to none. */
export const splits = ({ parts }: WordNode): boolean =>
  parts.some(part =>
    part.type === 'DoubleQuoted'
      ? part.parts.some(inner => inner.type === 'ParameterExpansion' && /^@$|\[@\]$/.test(inner.parameter))
      : part.type === 'ParameterExpansion' || part.type === 'CommandSubstitution' || part.type === 'BraceExpansion',
  );

/** `"${NAME-word}"` alone in its word: with `set -u` just-bash finds NAME unbound there, and nowhere else. */
export function isDefaulted([first, second]: readonly Part[]): boolean {
  if (second || first?.type !== 'DoubleQuoted' || first.parts.length !== 1) return false;
  const [part] = first.parts;
  return (
    part.type === 'ParameterExpansion' &&
    /^\w+$/.test(part.parameter) &&
    /^(?:DefaultValue|UseAlternative|AssignDefault)$/.test(part.operation?.type ?? '')
  );
}
export const isNode = (value: unknown): value is { type: string } =>
  typeof value === 'object' && value !== null && 'type' in value;

export function namesOfFunctions(node: unknown, found: Set<string>): void {
  if (Array.isArray(node)) for (const each of node) namesOfFunctions(each, found);
  else if (typeof node === 'object' && node !== null) {
    if (isNode(node) && node.type === 'FunctionDef') found.add((node as FunctionDef).name);
    for (const each of Object.values(node)) namesOfFunctions(each, found);
  }
}

export const literalsOf = ({ parts }: WordNode): string =>
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
export function mentionsTraps(node: unknown): boolean {
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
