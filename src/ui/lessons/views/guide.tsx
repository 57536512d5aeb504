/** The guide for authors, with lessons to begin from: docs/lessons.md, and in other languages the files next to it. */

import { useSignal } from '@preact/signals';
import { lexer, type Token } from 'marked';
import { useEffect } from 'preact/hooks';
import { sentence } from '../../sentence.ts';
import { pageParts } from '../../load-again.ts';
import { download } from '../../navigation.ts';
import { Tag } from '../../parts/marks.tsx';
import { viewAddress } from '../addresses.ts';
import { language } from '../language.ts';
import { LESSONS } from '../list.ts';
import { Markdown } from '../markdown.tsx';
import { lessonText } from '../texts.ts';
import { words } from '../words.ts';
import { ViewLinks } from './frame.tsx';

const GUIDES = pageParts(import.meta.glob<{ default: string }>('../../../../docs/lessons*.md', { query: '?raw' }));
const guide = GUIDES[`../../../../docs/lessons.${language()}.md`] ?? GUIDES['../../../../docs/lessons.md']!;

export function Guide() {
  const tokens = useSignal<readonly Token[]>([]),
    problem = useSignal<string | undefined>(undefined);
  const tell = (error: unknown): void => {
    problem.value = sentence(error);
  };
  useEffect(() => {
    guide.load().then(({ default: text }) => {
      tokens.value = lexer(text);
    }, tell);
  }, []);
  const save = (id: string): Promise<void> =>
    lessonText(id).then(text => download(new Blob([text], { type: 'text/markdown' }), `${id}.md`), tell);
  return (
    <div class="body lsn lview" lang={language()}>
      <ViewLinks />
      {problem.value && (
        <p role="alert">
          <Tag kind="failed">{problem.value}</Tag>
        </p>
      )}
      <section class="lbegin">
        <h2>{words.beginFrom}</h2>
        <ul>
          {LESSONS.map(({ id, title }) => (
            <li key={id}>
              <button class="link" onClick={() => void save(id)}>
                {words.saveNamed(title)}
              </button>{' '}
              <a href={viewAddress(id, 'edit', '')}>{words.views.edit}</a>
            </li>
          ))}
        </ul>
      </section>
      <article class="prose lguide">
        <Markdown tokens={tokens.value} />
      </article>
    </div>
  );
}
