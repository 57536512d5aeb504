/** Markdown of lessons, and of the project's documents, as elements. There is no HTML on the way: what has no case here is shown as its text. Links lead to https addresses alone. */
import { Lexer, type Token, type Tokens } from 'marked';
import { type ComponentChildren, createContext } from 'preact';
import { useContext, useEffect, useId } from 'preact/hooks';
import { glossary, loadGlossary } from './glossary.ts';

/** A place of the page that a link leads to. */
interface Way {
  href: string;
  go(): void;
}
/** Of a document of the project: its headings have levels, and its links may lead to others. Undefined: a lesson, whose words are anybody's. */
const OfDocument = createContext<((href: string) => Way | undefined) | undefined>(undefined);

/** `leadsTo`: where a link that is no address of the web leads; undefined: nowhere here. */
export const Document = ({
  tokens,
  leadsTo,
}: {
  tokens: readonly Token[];
  leadsTo: (href: string) => Way | undefined;
}) => (
  <OfDocument.Provider value={leadsTo}>
    <Markdown tokens={tokens} />
  </OfDocument.Provider>
);

export const Markdown = ({ tokens }: { tokens: readonly Token[] }) => (
  <>
    {tokens.map((token, i) => (
      <Block key={i} token={token} />
    ))}
  </>
);

function Block({ token }: { token: Token }): ComponentChildren {
  switch (token.type) {
    case 'space':
      return null;
    case 'heading':
      return <Heading token={token as Tokens.Heading} />;
    case 'paragraph':
      return (
        <p>
          <Inline tokens={token.tokens} />
        </p>
      );
    case 'text':
      return token.tokens ? <Inline tokens={token.tokens} /> : token.text;
    case 'code':
      return <Source {...(token as Tokens.Code)} />;
    case 'blockquote':
      return (
        <blockquote>
          <Markdown tokens={token.tokens ?? []} />
        </blockquote>
      );
    case 'hr':
      return <hr />;
    case 'list': {
      const { ordered, items } = token as Tokens.List;
      const rows = items.map((item, i) => (
        <li key={i}>
          <Markdown tokens={item.tokens} />
        </li>
      ));
      return ordered ? <ol>{rows}</ol> : <ul>{rows}</ul>;
    }
    case 'table': {
      const { header, rows } = token as Tokens.Table;
      return (
        <table>
          <thead>
            <tr>
              {header.map((cell, i) => (
                <th key={i}>
                  <Inline tokens={cell.tokens} />
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row, i) => (
              <tr key={i}>
                {row.map((cell, j) => (
                  <td key={j}>
                    <Inline tokens={cell.tokens} />
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      );
    }
    default:
      return token.raw;
  }
}

function Heading({ token: { depth, tokens } }: { token: Tokens.Heading }) {
  const Level = useContext(OfDocument) ? (`h${Math.min(depth, 4)}` as 'h1') : 'h3';
  return (
    <Level>
      <Inline tokens={tokens} />
    </Level>
  );
}

/** Where lines come from, after the language: a file with the number of the first, and the one that the text is about. */
const FROM = /^\S+ \S+:(\d+)(?: mark=(\d+))?$/;

function Source({ text, lang = '' }: Pick<Tokens.Code, 'text' | 'lang'>) {
  const [, first, about] = FROM.exec(lang) ?? [];
  if (first === undefined)
    return (
      <pre class="src" tabIndex={0}>
        <code>{text}</code>
      </pre>
    );
  return (
    <pre class="src from" tabIndex={0}>
      <code>
        {text.split('\n').map((line, i) => (
          <span key={i} class={`${Number(first) + i}` === about ? 'now' : ''}>
            <i>{Number(first) + i}</i>
            {line}
            {'\n'}
          </span>
        ))}
      </code>
    </pre>
  );
}

/** A line of its own. */
export const Line = ({ text }: { text: string }) => <Inline tokens={Lexer.lexInline(text)} />;

/** A word that is explained where the pointer or the focus is; Escape takes it away. */
function Explained({ token, what }: { token: Tokens.Link; what: string }) {
  const id = useId();
  return (
    <dfn
      tabIndex={0}
      aria-describedby={id}
      onKeyDown={event => {
        if (event.key === 'Escape') event.currentTarget.blur();
      }}
    >
      <Inline tokens={token.tokens} />
      <span class="what" role="tooltip" id={id}>
        {plain(what)}
      </span>
    </dfn>
  );
}

/** A word of the glossary, which is loaded with it; one that is not there is left as it is. */
function OfGlossary({ token }: { token: Tokens.Link }) {
  useEffect(loadGlossary, []);
  const term = glossary.value.get(token.href.slice(1));
  return term ? <Explained token={token} what={term.says} /> : <Inline tokens={token.tokens} />;
}

function Inline({ tokens = [] }: { tokens?: readonly Token[] | undefined }) {
  return (
    <>
      {tokens.map((token, i) => (
        <Word key={i} token={token} />
      ))}
    </>
  );
}

function Word({ token }: { token: Token }): ComponentChildren {
  switch (token.type) {
    case 'strong':
      return (
        <b>
          <Inline tokens={token.tokens} />
        </b>
      );
    case 'em':
      return (
        <em>
          <Inline tokens={token.tokens} />
        </em>
      );
    case 'codespan':
      return <code>{token.text}</code>;
    case 'br':
      return <br />;
    case 'link':
      return token.href === '#' && token.title ? (
        <Explained token={token as Tokens.Link} what={token.title} />
      ) : token.href.startsWith('#') ? (
        <OfGlossary token={token as Tokens.Link} />
      ) : /^https:\/\//.test(token.href) ? (
        <a href={token.href} target="_blank" rel="noreferrer noopener">
          <Inline tokens={token.tokens} />
        </a>
      ) : (
        <Within token={token as Tokens.Link} />
      );
    case 'escape':
      return token.text;
    case 'text':
      return token.tokens ? <Inline tokens={token.tokens} /> : plain(token.text);
    default:
      return token.raw;
  }
}

/** A link that is no address of the web: in a document of the project it may lead to another. */
function Within({ token: { href, tokens } }: { token: Tokens.Link }) {
  const way = useContext(OfDocument)?.(href);
  if (!way) return <Inline tokens={tokens} />;
  return (
    <a
      href={way.href}
      onClick={event => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        way.go();
      }}
    >
      <Inline tokens={tokens} />
    </a>
  );
}

/** The lexer writes these as HTML does. */
const ENTITIES: Readonly<Record<string, string>> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#39;': '’',
};
const plain = (text: string): string => text.replace(/&(?:amp|lt|gt|quot|#39);/g, entity => ENTITIES[entity]!);
