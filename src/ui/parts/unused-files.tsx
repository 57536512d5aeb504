/** Dropped files that nothing uses, and what can be done with them. */

import { signal } from '@preact/signals';
import type { NamedFile } from '../../dom0/service/index.ts';
import { host } from '../host.ts';
import { addFiles, draft, several } from '../navigation.ts';
import { sentence } from '../sentence.ts';
import { laterStrings } from '../strings-later.ts';
import { Tag } from './marks.tsx';

const words = laterStrings.unused;

/** Why one of them makes no guest, by the file. */
const problems = signal<ReadonlyMap<NamedFile, string>>(new Map());

/** Makes a definition for a file alone: the guest stands next to what is there. */
async function bootAlone(file: NamedFile): Promise<void> {
  try {
    const { definition, errors, name } = await host.plan([file]);
    if (errors[0] || !definition) throw new Error(errors[0]?.text ?? words.none(file.name));
    const taken = new Set(
      [...(draft.peek()?.files ?? []), ...(several.peek() ?? []).map(each => each.file)].map(each => each.name),
    );
    let its = `${name}.cfg`;
    for (let n = 2; taken.has(its); n++) its = `${name}-${n}.cfg`;
    await addFiles([{ name: its, data: new Blob([definition]) }]);
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
