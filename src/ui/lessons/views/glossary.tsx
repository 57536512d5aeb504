/** All words of the glossary. */

import { useEffect } from 'preact/hooks';
import { glossary, loadGlossary } from '../glossary.ts';
import { language } from '../language.ts';
import { Line } from '../markdown.tsx';
import { words } from '../words.ts';
import { ViewLinks } from './frame.tsx';

export function GlossaryView() {
  useEffect(loadGlossary, []);
  return (
    <div class="body lsn lview" lang={language()} role="region" aria-label={words.glossary} tabIndex={0}>
      <ViewLinks />
      <h1>{words.glossary}</h1>
      <dl class="prose lgloss">
        {[...glossary.value].map(([id, { name, says }]) => (
          <div key={id}>
            <dt>{name}</dt>
            <dd>
              <Line text={says} />
            </dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
