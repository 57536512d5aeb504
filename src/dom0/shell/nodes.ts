/** Pieces of the tree that just-bash reads a line into. */
import type { CommandNode, SimpleCommandNode, StatementNode, WordNode } from 'just-bash';

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
