/** The whole domain in libvirt's XML, with a verdict on each line, to be changed. */

import '../edit.css';
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { Verdicts } from '../../../dom0/service/index.ts';
import { host } from '../../host.ts';
import { sentence } from '../../sentence.ts';
import { Typing } from '../../typing.ts';
import { Approximations, EditText } from '../edit-text.tsx';
import { Problem } from '../marks.tsx';
import { Apply } from './apply.tsx';
import type { PageProps } from './device-pages.tsx';
import { words } from './words.ts';

export function DomainXml({ hardware, done }: PageProps) {
  const { name, xml, path } = hardware,
    is = xml.next ?? xml.now ?? '';
  const draft = useSignal<string | undefined>(undefined),
    judged = useSignal<Verdicts | undefined>(undefined),
    problem = useSignal(''),
    typing = useSignal(new Typing()).value;
  const text = draft.value ?? is;
  useEffect(() => {
    let closed = false;
    typing.whenQuiet(() => {
      host.consult('verdicts', `${name}.xml`, text).then(
        answer => {
          if (!closed) judged.value = answer;
        },
        error => {
          if (!closed) problem.value = sentence(error);
        },
      );
    });
    return () => {
      closed = true;
    };
  }, [name, text]);
  return (
    <div class="dom-xml">
      {xml.next === undefined ? (
        <p class="cap-t">{words.xmlNow}</p>
      ) : (
        !path?.endsWith('.xml') && draft.value !== undefined && <p class="cap-t">{words.staysXl}</p>
      )}
      {problem.value && <Problem>{problem.value}</Problem>}
      <EditText
        path={`${name}.xml`}
        text={text}
        judged={judged.value}
        onType={written => {
          draft.value = written;
        }}
      />
      {judged.value && <Approximations judged={judged.value} />}
      {text !== is && xml.next !== undefined && (
        <Apply
          name={name}
          change={{ of: 'document', text }}
          impacts={['next']}
          act={words.apply}
          done={() => {
            draft.value = undefined;
            done();
          }}
          cancel={() => {
            draft.value = undefined;
          }}
        />
      )}
    </div>
  );
}
