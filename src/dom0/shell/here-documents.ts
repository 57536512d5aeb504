/**
 * Here-documents as bash has them, which just-bash (3.4.2) is nearly right about: what would be a pattern elsewhere (`['phy:/dev/vg0/web,xvda,w']`) is text
 * there, quotes and all, and a line does not run before its document has ended.
 */
import type { Bash } from 'just-bash/browser';

type Plugin = Parameters<Bash['registerTransformPlugin']>[0];
type Part = { type: string; pattern?: string; value?: string };

interface HereDocument {
  type: string;
  delimiter: string;
  content: { parts: Part[] };
  terminated?: boolean;
}

const END = 'END_OF_WHAT_LOOKED_LIKE_A_PATTERN';

export class HereDocuments implements Plugin {
  readonly name = 'here-documents';
  /** The delimiter that is still to come; undefined: all documents are whole. Of the lines that were looked at last. */
  missing: string | undefined;
  /** No more lines will come: what there is of a document runs. */
  isAll = false;
  private shell: Bash | undefined;

  /** Looks at whatever the shell runs. */
  follow(shell: Bash): void {
    this.shell = shell;
    shell.registerTransformPlugin(this);
  }

  /** Whether what is read meanwhile lacks the end of a document. What lines that run lack stays as it is. */
  lacksEnd(read: () => void): boolean {
    const { missing, isAll } = this;
    // A document without an end cannot be written again: nothing of it is left.
    Object.assign(this, { missing: undefined, isAll: false });
    try {
      read();
      return this.missing !== undefined;
    } finally {
      Object.assign(this, { missing, isAll });
    }
  }

  readonly transform: Plugin['transform'] = ({ ast }) => {
    this.missing = undefined;
    this.visit(ast);
    return { ast: this.missing !== undefined && !this.isAll ? { ...ast, statements: [] } : ast };
  };

  /** Loops, functions and substitutions hold documents, too. */
  private visit(node: unknown): void {
    if (typeof node !== 'object' || node === null) return;
    if ((node as HereDocument).type === 'HereDoc') {
      const { content, delimiter, terminated } = node as HereDocument;
      content.parts = content.parts.flatMap(part => (part.type === 'Glob' ? this.asText(part.pattern ?? '') : part));
      if (terminated === false) this.missing ??= delimiter;
    }
    for (const inner of Object.values(node)) this.visit(inner);
  }

  /** Its first character makes it a pattern; what follows that is read as a document of its own. */
  private asText(pattern: string): Part[] {
    const first: Part = { type: 'Literal', value: pattern.slice(0, 1) };
    if (pattern.length < 2 || !this.shell) return [first];
    const { missing } = this;
    const { ast } = this.shell.transform(`: << ${END}\n${pattern.slice(1)}\n${END}\n`);
    this.missing = missing;
    const document = ast.statements[0]?.pipelines[0]?.commands[0];
    const target = document?.type === 'SimpleCommand' ? document.redirections[0]?.target : undefined;
    const parts = ((target as HereDocument | undefined)?.content.parts ?? []).slice();
    // The line feed before the delimiter is not the pattern's.
    const last = parts.at(-1);
    if (last?.type === 'Literal') parts[parts.length - 1] = { ...last, value: last.value?.slice(0, -1) };
    return [first, ...parts];
  }
}
