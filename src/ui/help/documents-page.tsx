/** A document of the project, to be read next to the machine that it is about. */

import '../lessons/lessons.css';
import { Lexer } from 'marked';
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { go } from '../navigation.ts';
import { sentence } from '../sentence.ts';
import { strings } from '../strings.ts';
import { Document } from '../lessons/markdown.tsx';
import { Tag } from '../parts/marks.tsx';
import { DOCUMENTS, documentText, linkedDocument, READ_ME, readable } from './documents.ts';
import { words } from './words.ts';

const placeOf = (name: string) => ({ kind: 'documents', ...(name === READ_ME ? {} : { name }) });
/** As an address, so that it can be opened in another tab. */
const hrefOf = (name: string): string => (name === READ_ME ? '#/documents' : `#/documents/${name}`);

export function DocumentsPage({ name = READ_ME }: { name?: string | undefined }) {
  const text = useSignal<string | undefined>(undefined),
    problem = useSignal('');
  useEffect(() => {
    let isWanted = true;
    text.value = undefined;
    problem.value = '';
    documentText(name).then(
      found => {
        if (!isWanted) return;
        if (found === undefined) problem.value = words.missing(name);
        else text.value = readable(found);
      },
      error => {
        if (isWanted) problem.value = strings.errors.partFailed(sentence(error));
      },
    );
    return () => {
      isWanted = false;
    };
  }, [name]);
  return (
    <>
      <div class="bh">
        <div class="row wrap">
          <h2>{words.documents}</h2>
          <label>
            <span class="hidden">{words.chosen}</span>
            <select class="btn b" value={name} onChange={event => go(placeOf(event.currentTarget.value))}>
              {DOCUMENTS.map(each => (
                <option key={each} value={each}>
                  {each === READ_ME ? words.what : each}
                </option>
              ))}
            </select>
          </label>
        </div>
      </div>
      {/* Another document begins at its top. */}
      <article class="body doc" key={name}>
        {problem.value ? (
          <p role="alert">
            <Tag kind="failed">{problem.value}</Tag>
          </p>
        ) : text.value === undefined ? (
          <p class="sec" role="status">
            {words.loading}
          </p>
        ) : (
          <div class="prose">
            <Document
              tokens={Lexer.lex(text.value)}
              leadsTo={href => {
                const to = linkedDocument(href);
                return to === undefined ? undefined : { href: hrefOf(to), go: () => go(placeOf(to)) };
              }}
            />
          </div>
        )}
      </article>
    </>
  );
}
