/** What was given on earlier visits, to be opened again. */

import { useEffect } from 'preact/hooks';
import { forget, opening, remembered, reopen, type RememberedSet, stopAsking } from '../reopen.ts';
import { addFiles } from '../navigation.ts';
import { viewStrings } from '../view-strings.ts';
import { bytes } from '../terminal.ts';
import { named } from './home.tsx';
import { ChooseFiles, Icon, Tag } from './marks.tsx';

const words = viewStrings.reopen;

export function ReopenList() {
  useEffect(() => stopAsking, []);
  if (remembered.value.length === 0) return null;
  return (
    <section class="again" aria-label={words.title}>
      <h3>{words.title}</h3>
      <ul>
        {remembered.value.map(each => (
          <Given key={each.givenMs} given={each} />
        ))}
      </ul>
    </section>
  );
}

function Given({ given }: { given: RememberedSet }) {
  const names = given.files.map(({ name }) => name).join(', ');
  const now = opening.value?.set === given ? opening.value : undefined;
  return (
    <li>
      <div class="row">
        <span class="cut" title={names}>
          {given.name && <b>{given.name} </b>}
          <span class="m">{names}</span>
        </span>
        <span class="grow" />
        <button class="btn sm" aria-label={words.openNamed(given.name ?? names)} onClick={() => void reopen(given)}>
          {words.open}
        </button>
        <button
          class="btn quiet icon sm"
          aria-label={words.forget(given.name ?? names)}
          title={words.forget(given.name ?? names)}
          onClick={() => void forget(given)}
        >
          <Icon name="close" size={10} />
        </button>
      </div>
      {now && (
        <div role="status">
          {now.problem && (
            <p>
              <Tag kind="failed">
                <span>{now.problem}</span>
              </Tag>
            </p>
          )}
          <p>{words.ask(now.missing.map(({ name, bytes: size }) => `${name} (${bytes(size)})`))}</p>
          <p>
            <ChooseFiles small onFiles={files => void addFiles(named(files))}>
              {words.choose}
            </ChooseFiles>
          </p>
        </div>
      )}
    </li>
  );
}
