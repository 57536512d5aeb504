/** The sources of pcos (guests/pcos), and the guest next to them. */

import { pcos } from '../offered-guests.ts';
import { sessions } from '../sessions.ts';
import { booted, bootBeside, go, makeOffer, offerProblems } from '../navigation.ts';
import { count, strings } from '../strings.ts';
import { viewStrings } from '../view-strings.ts';
import { SourceScreen } from './source-screen.tsx';
import { Icon, Tag } from './marks.tsx';

const words = {
  ...strings.pcos,
  file: 'Source file',
  lines: (n: number) => count(n, 'line'),
  notBooted: 'Boot it: its screen appears here. help lists its commands.',
};
const FIRST = 'main.c';
const SOURCES = new Map(
  Object.entries(
    import.meta.glob<string>('../../../guests/pcos/*.{c,h,S,ld,mjs,sh,cfg}', {
      query: '?raw',
      import: 'default',
      eager: true,
    }),
  ).map(([path, text]) => [path.slice(path.lastIndexOf('/') + 1), text]),
);

export function PcosPage({ file = FIRST }: { file?: string | undefined }) {
  const session = sessions.value.get(booted.value.get(pcos.id) ?? 0);
  const problem = offerProblems.value.get(pcos.id);
  const text = SOURCES.get(file) ?? '';
  const lines = text.trimEnd().split('\n');
  return (
    <div class="sector">
      <div class="bh">
        <div class="row wrap">
          <h2>{pcos.title}</h2>
          <label>
            <span class="hidden">{words.file}</span>
            <select class="btn b" value={file} onChange={event => go({ kind: 'pcos', tab: event.currentTarget.value })}>
              {[...SOURCES.keys()].map(name => (
                <option key={name} value={name}>
                  {name}
                </option>
              ))}
            </select>
          </label>
          <span class="sec">{words.lines(lines.length)}</span>
          <span class="grow" />
          <div class="row wrap tools" role="toolbar" aria-label={pcos.title}>
            <button class="btn primary" onClick={() => void bootBeside(pcos.id, () => makeOffer(pcos))}>
              <Icon name="run" />
              {session && !session.gone.value
                ? viewStrings.bootSectors.bootAgain(pcos.title)
                : viewStrings.bootSectors.boot(pcos.title)}
            </button>
          </div>
        </div>
      </div>
      {problem !== undefined && (
        <p class="note bad" role="alert">
          <Tag kind="failed">
            <span>{problem}</span>
          </Tag>
        </p>
      )}
      <div class="sector-b">
        <div class="src">
          <div class="src-s" role="region" aria-label={viewStrings.bootSectors.sourceOf(file)} tabIndex={0}>
            <div class="src-b plain">
              <ol class="src-n" aria-hidden="true">
                {lines.map((_, i) => (
                  <li key={i}>{i + 1}</li>
                ))}
              </ol>
              <pre class="src-f" tabIndex={0}>
                {text}
              </pre>
            </div>
          </div>
        </div>
        <SourceScreen session={session} hint={words.notBooted} />
      </div>
    </div>
  );
}
