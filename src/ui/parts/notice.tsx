/** What the whole page has to say: Domain 0's problems, and what a browser without shared memory costs. */

import { useSignal } from '@preact/signals';
import { hostNotice, hostProblem, info } from '../host.ts';
import { strings } from '../strings.ts';
import { Tag } from './marks.tsx';

/** What a browser that withholds shared memory costs. */
export function Isolation() {
  const open = useSignal(false);
  const machine = info.value;
  const problem = hostProblem.value;
  if (problem)
    return (
      <div class="note bad" role="alert">
        <Tag kind="failed">{problem}</Tag>
      </div>
    );
  if (hostNotice.value)
    return (
      <div class="note bad" role="alert">
        <Tag kind="failed">{hostNotice.value}</Tag>
        <button
          class="btn sm"
          onClick={() => {
            hostNotice.value = undefined;
          }}
        >
          {strings.strip.dismiss}
        </button>
      </div>
    );
  if (machine?.mode !== 'single' || machine.time === 'virtual') return null;
  return (
    <div class="note">
      <span>{globalThis.crossOriginIsolated ? machine.why : strings.notIsolated}</span>
      {!globalThis.crossOriginIsolated && (
        <button
          class="btn sm"
          aria-expanded={open.value}
          onClick={() => {
            open.value = !open.value;
          }}
        >
          {strings.howToServe}
        </button>
      )}
      {open.value && (
        <p>
          {strings.howToServeText}
          <br />
          <code>Cross-Origin-Opener-Policy: same-origin</code>
          <br />
          <code>Cross-Origin-Embedder-Policy: require-corp</code>
        </p>
      )}
    </div>
  );
}
