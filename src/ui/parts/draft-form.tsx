/** What a dropped definition would create, and the files it comes from. */

import { removeFile } from '../dropping.ts';
import { modeName } from '../hypervisors/of-host.ts';
import { addFiles, draft } from '../navigation.ts';
import { viewStrings } from '../view-strings.ts';
import { bytes } from '../terminal.ts';
import { named } from './home.tsx';
import { ChooseFiles, Icon } from './marks.tsx';

const words = viewStrings.draft;

export function DraftForm() {
  const now = draft.value;
  if (!now) return null;
  const summary = now.plan?.summary;
  // A value with an error has no number yet.
  const wrong = new Set(now.plan?.errors.map(finding => finding.key));
  // A definition has a form of its own.
  const facts: [string, string | undefined][] =
    summary && now.plan && !now.definition
      ? [
          [words.name, now.plan.name],
          [words.type, modeName(summary.type)],
          [words.memory, wrong.has('memory') ? undefined : `${summary.memoryMiB} MiB`],
          [words.vcpus, wrong.has('vcpus') ? undefined : String(summary.vcpus)],
          ...(summary.kernel
            ? ([
                [words.kernel, summary.kernel],
                [words.ramdisk, summary.ramdisk],
                [words.cmdline, summary.cmdline],
              ] as [string, string | undefined][])
            : []),
          ...(summary.disks ?? []).map((disk, i): [string, string] => [i === 0 ? words.disks : '', disk]),
          ...(summary.nic ? [[words.network, summary.nic] as [string, string]] : []),
        ]
      : [];
  return (
    <>
      {facts.length > 0 && (
        <section>
          <h3>{words.form}</h3>
          <dl class="kv">
            {facts.map(([label, value]) => (
              <>
                <dt>{label}</dt>
                <dd>{value || words.none}</dd>
              </>
            ))}
          </dl>
        </section>
      )}
      <section>
        <h3>{words.files}</h3>
        <table>
          <tbody>
            {now.files.map(file => (
              <tr key={file.name}>
                <td class="m cut">{file.name}</td>
                <td class="num m nw">{bytes(file.data.size)}</td>
                <td class="num">
                  <button
                    class="btn quiet icon sm"
                    aria-label={words.remove(file.name)}
                    onClick={() => void removeFile(file.name)}
                  >
                    <Icon name="close" size={10} />
                  </button>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
        <p class="row wrap more-files">
          <ChooseFiles small onFiles={files => void addFiles(named(files))}>
            {words.addFiles}
          </ChooseFiles>
          <span class="cap-t">{words.staysHere}</span>
        </p>
      </section>
    </>
  );
}
