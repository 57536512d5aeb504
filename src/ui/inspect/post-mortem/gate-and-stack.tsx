/** A gate of the interrupt table bit by bit, segments, and the words on the top of the stack. */

import { addressText, type VcpuState } from '../../../hypervisor/view/index.ts';
import { go } from '../../navigation.ts';
import { BitTable } from '../bit-table.tsx';
import { followed } from '../followed.ts';
import { hex, segmentRows, stackRows } from './facts.ts';
import type { CodeRow } from './last-code.tsx';
import { gateFields, gateOf } from './last-moments.ts';
import { words } from './words.ts';

/** Of a gate: present, DPL and type, where all that is reported as bad lies. */
const RIGHTS_BYTE = 5;

/** A gate, bit by bit; what keeps events from it is highlighted. */
export function Entry({ state, vector, id }: { state: VcpuState; vector: number; id: number }) {
  const gate = gateOf(state, vector),
    fields = gateFields(gate);
  return (
    <section>
      <div class="ph">
        <h3>{words.gate(gate.size === 4, vector)}</h3>
        <button
          class="link m"
          title={words.toMemory}
          onClick={() => {
            followed.value = addressText(gate.linear);
            go({ kind: 'domain', id, tab: 'inspect', name: 'memory' });
          }}
        >
          {addressText(gate.linear)}
        </button>
      </div>
      <p class="m hexline">
        {[...gate.bytes].map((byte, i) => (
          <span key={i} class={i === RIGHTS_BYTE && fields.some(({ isBad }) => isBad) ? 'bad' : ''}>
            {hex(byte, 2)}{' '}
          </span>
        ))}
      </p>
      {fields.length === 0 ? (
        <p class="hint">{words.noGate}</p>
      ) : (
        <table class="bitst">
          <tbody>
            {fields.map(({ bits, value, says, isBad }) => (
              <tr key={bits} class={isBad ? 'badr' : ''}>
                <td class="m">{bits}</td>
                <td class="m b">{value}</td>
                <td class={isBad ? 'b' : 'sec'}>{says}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

export const Segments = ({ state }: { state: VcpuState }) => (
  <section>
    <div class="ph">
      <h3>{words.segments}</h3>
    </div>
    <BitTable
      rows={segmentRows(state)
        .slice(0, 6)
        .map(([name, selector, , what]) => [name, selector, what] as const)}
    />
  </section>
);

export function Stack({ state, code }: { state: VcpuState; code: readonly CodeRow[] | undefined }) {
  const rows = stackRows(state, code);
  return (
    <section>
      <div class="ph">
        <h3>{words.stack}</h3>
        <span class="sec">{words.stackHint(state.isLong ? 8 : 4)}</span>
      </div>
      {rows.length === 0 ? (
        <p class="hint">{words.noStack}</p>
      ) : (
        <table class="bitst pm-stack">
          <tbody>
            {rows.map(({ at, text, note }, i) => (
              <tr key={at} class={i === 0 ? 'sel' : ''}>
                <td class="m">{at}</td>
                <td class="m b">{text}</td>
                <td class="sec">{note}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
