/** A definition line by line, with the verdict on each. */

import { useSignal } from '@preact/signals';
import type { Finding, Plan } from '../../dom0/service/index.ts';
import { remedyOf } from '../error-remedy.ts';
import { strings } from '../strings.ts';
import { viewStrings } from '../view-strings.ts';
import { Tag } from './marks.tsx';

const words = viewStrings.draft;

/** Longer definitions show only the lines that have a verdict. */
const MAX_LINES = 400;

/** Errors first where a place has both, each place once. */
export function merged(plan: Plan | undefined): Finding[] {
  const seen = new Set<string>();
  return [...(plan?.errors ?? []), ...(plan?.findings ?? [])].filter(finding => {
    const key = `${finding.file}\0${finding.line}\0${finding.column}\0${finding.key}\0${finding.text}`;
    return !seen.has(key) && seen.add(key);
  });
}

interface Row {
  line: number;
  source: string;
  finding?: Finding;
}

/** What one line says in several sentences of the same verdict is one row; each error has a place of its own. */
function together(findings: readonly Finding[]): Finding[] {
  const rows: Finding[] = [];
  for (const finding of findings) {
    const at = finding.verdict === 'error' ? -1 : rows.findIndex(({ verdict }) => verdict === finding.verdict),
      before = rows[at];
    if (before)
      rows[at] = { ...before, short: `${before.short}; ${finding.short}`, text: `${before.text} ${finding.text}` };
    else rows.push(finding);
  }
  return rows;
}

/** A definition's lines with their findings; findings of other files keep the source they came with. */
function rowsOf(file: string, text: string | undefined, findings: Finding[]): Row[] {
  const lines = text?.replace(/\r\n?/g, '\n').replace(/\n+$/, '').split('\n');
  const rows: Row[] = [];
  if (lines && lines.length <= MAX_LINES) {
    lines.forEach((source, i) => {
      const here = together(findings.filter(finding => finding.line === i + 1));
      if (here.length === 0) rows.push({ line: i + 1, source });
      here.forEach((finding, n) => rows.push({ line: i + 1, source: n === 0 ? source : '', finding }));
    });
    rows.push(
      ...findings
        .filter(finding => finding.line < 1 || finding.line > lines.length)
        .map(finding => ({ line: finding.line, source: finding.source, finding })),
    );
  } else
    rows.push(
      ...[...findings]
        .sort((a, b) => a.line - b.line || a.column - b.column)
        .map(finding => ({ line: finding.line, source: finding.source, finding })),
    );
  return rows.filter(row => row.finding || row.source.trim() || file);
}

/** A definition's lines, each with what is said of it; one that was chosen, or that stops it, in whole sentences. `onMend`: writes what an error says, where that can be done. */
export function Verdicts({ plan, texts, onMend }: { plan: Plan; texts: Map<string, string>; onMend?: Mend }) {
  const chosen = useSignal(-1);
  const findings = merged(plan);
  const files = [...new Set([...texts.keys(), ...findings.map(finding => finding.file)])];
  let index = 0;
  return (
    <>
      {files.map(file => {
        const rows = rowsOf(
          file,
          texts.get(file),
          findings.filter(finding => finding.file === file),
        );
        return (
          rows.length > 0 && (
            <table class="verd" key={file}>
              <thead>
                <tr>
                  <th class="num">{words.position}</th>
                  <th>{file}</th>
                  <th>{words.verdict}</th>
                  <th>{words.happens}</th>
                </tr>
              </thead>
              <tbody>
                {rows.map(row => {
                  const mine = index++;
                  return (
                    <LineRow
                      key={mine}
                      row={row}
                      isChosen={chosen.value === mine}
                      choose={() => {
                        chosen.value = chosen.value === mine ? -1 : mine;
                      }}
                      onMend={onMend}
                    />
                  );
                })}
              </tbody>
            </table>
          )
        );
      })}
    </>
  );
}

type Mend = (finding: Finding) => (() => void) | undefined;

function LineRow({
  row: { line, source, finding },
  isChosen,
  choose,
  onMend,
}: {
  row: Row;
  isChosen: boolean;
  choose(): void;
  onMend: Mend | undefined;
}) {
  const isOpen = finding && (finding.verdict === 'error' || finding.verdict === 'missing' || finding.warns || isChosen);
  return (
    <tr class={`v-${finding?.verdict ?? ''}${isChosen ? ' sel' : ''}`} onClick={finding && choose}>
      <td class="m num dim">{line > 0 ? (finding ? `${line}:${finding.column}` : line) : strings.tree.noData}</td>
      <td class="m src">
        <Source text={source} finding={finding} />
      </td>
      <td>{finding && <Tag kind={finding.verdict}>{words.verdicts[finding.verdict]}</Tag>}</td>
      <td class="wh">
        {finding &&
          (isOpen ? (
            <span class="wh-l">
              <span>{finding.text}</span>
              <MendButton finding={finding} onMend={onMend} />
            </span>
          ) : (
            <button
              class="say"
              aria-expanded={false}
              onClick={event => {
                event.stopPropagation();
                choose();
              }}
            >
              {finding.short}
            </button>
          ))}
      </td>
    </tr>
  );
}

/** Writes what an error says, where that can be done. */
function MendButton({ finding, onMend }: { finding: Finding; onMend: Mend | undefined }) {
  const remedy = remedyOf(finding),
    run = remedy !== undefined && onMend?.(finding);
  return run ? (
    <>
      {' '}
      <button
        class="btn sm"
        onClick={event => {
          event.stopPropagation();
          run();
        }}
      >
        {viewStrings.defined.write(remedy)}
      </button>
    </>
  ) : null;
}

/** A source line: key in bold, comment dim, the place of an error underlined. */
function Source({ text, finding }: { text: string; finding?: Finding }) {
  if (!finding) return <span class="dim">{text}</span>;
  if (finding.verdict === 'error' && finding.column >= 1 && finding.column <= text.length) {
    const at = finding.column - 1;
    const rest = /^(-?\w+|"[^"]*"?|'[^']*'?|.)/.exec(text.slice(at))?.[0].length ?? 1;
    return (
      <>
        {text.slice(0, at)}
        <u class="bad-at">{text.slice(at, at + rest)}</u>
        {text.slice(at + rest)}
      </>
    );
  }
  const key = /^\s*[A-Za-z_]\w*\s*(?==)/.exec(text)?.[0] ?? '';
  return (
    <>
      <b>{key}</b>
      {text.slice(key.length)}
    </>
  );
}
