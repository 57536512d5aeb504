/** The chosen register bit by bit, or the descriptor behind a segment; the last exits. */

import { addressText, exitTitle } from '../../../hypervisor/view/index.ts';
import { BitTable, zerosOut } from '../bit-table.tsx';
import type { Shown } from '../inspector.ts';
import { whole } from '../../units.ts';
import { namer } from '../symbols.ts';
import { SEGMENTS } from '../vcpu-facts.ts';
import { bitsOf, type Data, descriptorOf, descriptorRows, hex } from './facts.ts';
import { words } from './words.ts';

export function Detail({ data, chosen, target }: Shown<Data>) {
  const { state, lasts } = data,
    name = namer(target, state);
  const segment = SEGMENTS.find(([name]) => name === chosen);
  const rows = bitsOf(state, chosen);
  const descriptor = segment && descriptorOf(state, segment[1]);
  return (
    <>
      <div>
        <h3>{chosen || `${target.session?.info.value.name ?? ''} v${data.vcpu}`}</h3>
        <p class="sec m">
          {whole(state.retired)} <span class="plain">{words.retired}</span>
        </p>
      </div>
      {rows && <BitTable rows={rows} look={zerosOut} />}
      {segment &&
        (descriptor ? (
          <section>
            <h4>{words.descriptor(segment[0], hex(descriptor.linear))}</h4>
            <p class="m hexline">
              {hex(descriptor.high)} {hex(descriptor.low)}
            </p>
            <BitTable
              rows={descriptorRows(descriptor)}
              look={(bits, value) => (bits === '47 P' && value === '0' ? 'badr' : '')}
            />
            <p class="cap-t">{words.fromTable}</p>
          </section>
        ) : (
          <p class="sec">{words.noDescriptor}</p>
        ))}
      <section>
        <h4>{words.last}</h4>
        <ul class="plainlist">
          {lasts.map(({ number, reason, ip }) => (
            <li key={number}>
              <span class="m dim">{addressText(ip)}</span> {exitTitle(reason)}
              {name(ip) && <code class="sec"> {name(ip)}</code>}
            </li>
          ))}
        </ul>
      </section>
    </>
  );
}
