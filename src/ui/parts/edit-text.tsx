/** The text of a definition, a line's verdict next to it. The text itself is a plain field over the same text with its marks. */

import { useRef } from 'preact/hooks';
import type { Finding, Verdicts } from '../../dom0/service/index.ts';
import { chosenKey } from '../editing.ts';
import { remedyOf } from '../error-remedy.ts';
import { viewStrings } from '../view-strings.ts';
import { putCursor } from '../typing.ts';
import { reasonOf, worstFirst } from '../verdict-lines.ts';
import { Tag } from './marks.tsx';
import { SourceField } from './source-field.tsx';

const words = viewStrings.defined,
  verdicts = viewStrings.draft.verdicts;
const isChosen = ({ key }: Finding): boolean => chosenKey.value !== '' && key === chosenKey.value;
const isBad = ({ verdict }: Finding): boolean => verdict === 'error' || verdict === 'missing';

interface Props {
  path: string;
  text: string;
  /** What was judged last, of this text or of an older one. */
  judged: Verdicts | undefined;
  onType(text: string): void;
  /** Writes what an error says. */
  onMend?(finding: Finding): void;
}

/** The cursor goes to the first error. */
export const goToError = (): void => document.querySelector<HTMLButtonElement>('#edit-found .stop button')?.click();

export function EditText({ text, judged, path, onType, onMend }: Props) {
  const field = useRef<HTMLTextAreaElement>(null);
  const lines = text.replace(/\r\n?/g, '\n').split('\n');
  // Findings about an older text are at lines that may be others now.
  const findings = judged && judged.text === text ? judged.plan.findings : [];
  const at = (line: number): Finding[] => findings.filter(finding => finding.line === line).sort(worstFirst);
  const shown = findings
    .filter(finding => isBad(finding) || isChosen(finding))
    .sort((a, b) => worstFirst(a, b) || a.line - b.line);
  const width = Math.max(...lines.map(line => line.length)) + 4;
  const goTo = (line: number, column: number): void => putCursor(field.current, lines, line, column);
  /** The field of the form that the cursor's line is about. */
  const follow = ({ value, selectionStart }: HTMLTextAreaElement): void => {
    const line = value.slice(0, selectionStart).split('\n').length;
    chosenKey.value = at(line)[0]?.key.replace(/\..*$/, '') ?? '';
  };
  return (
    <div class="edt">
      <div class="edt-h">
        <span class="num">{viewStrings.draft.position}</span>
        <span>{path}</span>
        <span class="vh">
          <span>{viewStrings.draft.verdict}</span>
          <span>{viewStrings.draft.happens}</span>
        </span>
      </div>
      <div class="edt-b">
        <ol class="edt-n" aria-hidden="true">
          {lines.map((_, i) => (
            <li
              key={i}
              class={
                at(i + 1).some(isBad)
                  ? 'wrong'
                  : at(i + 1).some(({ key }) => key === chosenKey.value && key !== '')
                    ? 'sel'
                    : ''
              }
            >
              {i + 1}
              {at(i + 1)[0] && <i>:{at(i + 1)[0]!.column}</i>}
            </li>
          ))}
        </ol>
        <div class="edt-f">
          <div style={`width:max(100%,${width}ch)`}>
            <pre aria-hidden="true">
              {lines.map((line, i) => (
                <Line key={i} text={line} findings={at(i + 1)} />
              ))}
            </pre>
            <SourceField
              field={field}
              text={text}
              rows={lines.length}
              label={words.text}
              describedBy="edit-found"
              onType={onType}
              onMove={follow}
            />
          </div>
        </div>
        <ol class="edt-v">
          {lines.map((_, i) => {
            const [first, ...rest] = at(i + 1),
              others = rest.filter(({ verdict }) => verdict !== 'used');
            const remedy = first && isBad(first) && onMend ? remedyOf(first) : undefined;
            return (
              <li key={i} class={first && isBad(first) ? 'wrong' : first && first.key === chosenKey.value ? 'sel' : ''}>
                {first && (
                  <button
                    title={first.text}
                    onClick={() => {
                      chosenKey.value = first.key.replace(/\..*$/, '');
                      goTo(first.line, first.column);
                    }}
                  >
                    <Tag kind={first.verdict}>{verdicts[first.verdict]}</Tag>
                    <span class="cut">{first.short}</span>
                    {others.length > 0 && <small>{words.andMore(others.length)}</small>}
                  </button>
                )}
                {first && remedy !== undefined && (
                  <button
                    class="btn sm fix"
                    aria-label={words.writeIn(remedy, first.line)}
                    onClick={() => onMend!(first)}
                  >
                    {words.write(remedy)}
                  </button>
                )}
              </li>
            );
          })}
        </ol>
      </div>
      <ul class="edt-m" id="edit-found">
        {shown.map((finding, i) => {
          const reason = reasonOf(finding);
          return (
            <li key={i} class={reason ? 'stop whyref' : isBad(finding) ? 'stop' : ''}>
              <button class="btn quiet sm m" onClick={() => goTo(finding.line, finding.column)}>
                {finding.line}:{finding.column}
              </button>
              <Tag kind={finding.verdict}>
                <span>
                  {reason ? (
                    <Refused finding={finding} {...reason} />
                  ) : isBad(finding) ? (
                    <b>{finding.text}</b>
                  ) : (
                    finding.text
                  )}
                </span>
              </Tag>
            </li>
          );
        })}
      </ul>
    </div>
  );
}

/** Its line says what is wrong: this says why that is refused. */
const Refused = ({ finding, answer, source }: { finding: Finding; answer: string; source: string }) => (
  <>
    <span class="hidden">{finding.text}</span> <b>{words.why(finding.source.trim())}</b> {answer}{' '}
    <em class="because">{source}</em>
  </>
);

/** What is done otherwise than its lines ask, in whole sentences: next to them are a few words. */
export function Approximations({ judged }: { judged: Verdicts }) {
  const all = judged.plan.findings
    .filter(finding => finding.verdict === 'approximated' && !isChosen(finding))
    .sort((a, b) => a.line - b.line);
  if (all.length === 0) return null;
  return (
    <details class="other">
      <summary>{words.otherwise(all.length)}</summary>
      <ul class="edt-m small">
        {all.map((finding, i) => (
          <li key={i}>
            <span class="m dim">
              {finding.line}:{finding.column}
            </span>
            <Tag kind={finding.verdict}>
              <span>{finding.text}</span>
            </Tag>
          </li>
        ))}
      </ul>
    </details>
  );
}

/** Key in bold, comment dim, the places of errors underlined. */
function Line({ text, findings }: { text: string; findings: Finding[] }) {
  const places = findings
    .filter(isBad)
    .map(({ column }) => column - 1)
    .filter(from => from >= 0 && from < text.length)
    .sort((a, b) => a - b);
  const key = /^\s*[a-z_]\w*\s*(?=\+?=)/.exec(text)?.[0].length ?? 0;
  const comment = /^\s*#/.test(text);
  const parts: [from: number, to: number, name: string][] = [];
  let from = 0;
  const add = (to: number, name: string): void => {
    if (to > from) {
      parts.push([from, to, name]);
      from = to;
    }
  };
  if (places.length === 0) {
    add(key, 'b');
    add(text.length, comment ? 'dim' : '');
  } else {
    add(Math.min(key, places[0]!), 'b');
    for (const place of places) {
      add(place, '');
      add(
        Math.max(from, place + (/^(-?[\w.]+|"[^"]*"?|'[^']*'?|.)/.exec(text.slice(place))?.[0].length ?? 1)),
        'bad-at',
      );
    }
    add(text.length, '');
  }
  return (
    <span class={places.length > 0 ? 'ln wrong' : 'ln'}>
      {parts.map(([start, end, name]) => (
        <span key={start} class={name}>
          {text.slice(start, end)}
        </span>
      ))}
      {'\n'}
    </span>
  );
}
