/** Markdown of lessons as elements. There is no HTML on the way: what has no case here is shown as its text. Links lead to https addresses alone. */
import { Lexer, type Token, type Tokens } from 'marked';
import type { ComponentChildren } from 'preact';
import { useEffect, useId } from 'preact/hooks';
import { glossary, loadGlossary } from './glossary.ts';

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
      return (
        <h3>
          <Inline tokens={token.tokens} />
        </h3>
      );
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

/** A word of the glossary, which is loaded with it; one that is not there stands as it is. */
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
        <Inline tokens={token.tokens} />
      );
    case 'escape':
      return token.text;
    case 'text':
      return token.tokens ? <Inline tokens={token.tokens} /> : plain(token.text);
    default:
      return token.raw;
  }
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
