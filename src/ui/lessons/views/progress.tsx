/** How far somebody is in all lessons that they began in this browser, with codes; as a file, and back. */

import { useSignal } from '@preact/signals';
import { sentence } from '../../sentence.ts';
import { download } from '../../navigation.ts';
import { Tag } from '../../parts/marks.tsx';
import { lessonHere } from '../addresses.ts';
import { language } from '../language.ts';
import { Keeps } from '../around.tsx';
import { allKept, forgetKept, keep, type KeptLesson, readKept, writeKept } from '../progress.ts';
import { words } from '../words.ts';
import { ViewLinks } from './frame.tsx';

export function ProgressView() {
  const kept = useSignal(allKept()),
    problem = useSignal<string | undefined>(undefined);
  const take = async (file: File | undefined): Promise<void> => {
    problem.value = undefined;
    try {
      if (file) keep(readKept(await file.text()));
    } catch (error) {
      problem.value = sentence(error);
    }
    kept.value = allKept();
  };
  return (
    <div class="body lsn lview" lang={language()}>
      <ViewLinks />
      <h1>{words.progress}</h1>
      <p class="sec">{words.progressHint}</p>
      <Keeps />
      <p class="row wrap">
        <button
          class="btn"
          disabled={kept.value.length === 0}
          onClick={() =>
            download(new Blob([writeKept(allKept())], { type: 'application/json' }), 'ringside-progress.json')
          }
        >
          {words.exportProgress}
        </button>
        <label class="btn lfile">
          {words.importProgress}
          <input
            type="file"
            accept="application/json,.json"
            onChange={event => void take(event.currentTarget.files?.[0])}
          />
        </label>
        <button
          class="btn"
          disabled={kept.value.length === 0}
          onClick={() => {
            forgetKept();
            kept.value = allKept();
          }}
        >
          {words.forgetProgress}
        </button>
      </p>
      {problem.value && (
        <p role="alert">
          <Tag kind="failed">{problem.value}</Tag>
        </p>
      )}
      {kept.value.length === 0 ? <p>{words.noProgress}</p> : <Lessons kept={kept.value} />}
    </div>
  );
}

const Lessons = ({ kept }: { kept: readonly KeptLesson[] }) => (
  <table class="lplan">
    <thead>
      <tr>
        <th>{words.lessonColumn}</th>
        <th>{words.name}</th>
        <th>{words.seedColumn}</th>
        <th>{words.step}</th>
        <th>{words.code}</th>
      </tr>
    </thead>
    <tbody>
      {kept.map(({ id, title, seed, name, round, step, steps, code }) => (
        <tr key={`${id} ${seed} ${name}`}>
          <td>
            <a href={`${lessonHere(id, seed, name)}&round=${round}`}>{title}</a>
          </td>
          <td>{name || '–'}</td>
          <td class="m">{seed || '–'}</td>
          <td>{words.stepOf(step + 1, steps)}</td>
          <td class="m">{code ?? '–'}</td>
        </tr>
      ))}
    </tbody>
  </table>
);
