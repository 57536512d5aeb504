/** Dropped files that nothing uses, or whose place others took, and what can be done with them. */

import { signal } from '@preact/signals';
import type { NamedFile } from '../../dom0/service/index.ts';
import { host } from '../host.ts';
import { addFiles, draft, several } from '../navigation.ts';
import { replaced } from '../dropping.ts';
import { sentence } from '../sentence.ts';
import { viewStrings } from '../view-strings.ts';
import { Tag } from './marks.tsx';

const words = viewStrings.unused;

/** Why one of them makes no guest, by the file. */
const problems = signal<ReadonlyMap<NamedFile, string>>(new Map());

/** A name that no file here has: with a number behind it, where it is taken. */
function freeName(name: string): string {
  const taken = new Set(
    [...(draft.peek()?.files ?? []), ...(several.peek() ?? []).map(each => each.file)].map(each => each.name),
  );
  const [, stem, ending] = /^(.*?)(\.[^.]*)?$/.exec(name)!;
  for (let n = 1; ; n++) {
    const its = n === 1 ? name : `${stem}-${n}${ending ?? ''}`;
    if (!taken.has(its)) return its;
  }
}

/** Makes a definition for a file alone: the guest is listed next to what is there. */
async function bootAlone(file: NamedFile): Promise<void> {
  try {
    const { definition, errors, name } = await host.plan([file]);
    if (errors[0] || !definition) throw new Error(errors[0]?.text ?? words.none(file.name));
    await addFiles([{ name: freeName(`${name}.cfg`), data: new Blob([definition]) }]);
  } catch (error) {
    problems.value = new Map(problems.peek()).set(file, sentence(error));
  }
}

/** `said`: of all of them, that nothing uses them. */
export const UnusedFiles = ({ files, said }: { files: readonly NamedFile[]; said: string }) => (
  <div class="note unused" role="status">
    <Tag kind="ignored">
      <span>{said}</span>
    </Tag>
    {files.map(file => (
      <span key={file.name} class="row wrap">
        <button class="btn sm" onClick={() => void bootAlone(file)}>
          {words.alone(file.name)}
        </button>
        {problems.value.has(file) && <span>{problems.value.get(file)}</span>}
      </span>
    ))}
  </div>
);

/** Definitions whose place others with their names have taken: what was changed in them here is not lost. */
export const ReplacedFiles = () => (
  <>
    {replaced.value.map(file => (
      <p key={file.name} class="note" role="status">
        <span>{words.replaced(file.name)}</span>
        <button class="btn sm" onClick={() => void addFiles([{ name: freeName(file.name), data: file.data }])}>
          {words.keepBoth}
        </button>
      </p>
    ))}
  </>
);
