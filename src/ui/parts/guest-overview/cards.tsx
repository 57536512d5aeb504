/** A guest's network cards: how far their halves are, what went through, and cards that are attached and detached. */

import { commandOf } from '../../../dom0/toolstack/hypervisors/command/index.ts';
import type { GuestFacts } from '../../../dom0/service/index.ts';
import { host } from '../../host.ts';
import { bytes } from '../../terminal.ts';
import { XENBUS_STATES } from '../../xenbus-states.ts';
import { Icon } from '../marks.tsx';
import { type Act, Do } from './controls.tsx';
import { words } from './words.ts';
import { spelled } from '../../hypervisors/spelled.ts';

/** `off`: the guest has stopped. */
export const Cards = ({
  seen,
  name,
  id,
  act,
  off,
}: {
  seen: GuestFacts;
  name: string;
  id: number;
  act: Act;
  off: boolean;
}) => (
  <section>
    <div class="ph">
      <h3>{words.nics}</h3>
    </div>
    {seen.cards.length === 0 ? (
      <p class="sec">{!seen.process ? words.noCards : seen.nics ? words.cardsVirtio(seen.nics) : words.noCard}</p>
    ) : (
      <div class="wide">
        <table class="pad" tabIndex={0}>
          <thead>
            <tr>
              <th>{words.card}</th>
              <th>{words.mac}</th>
              <th>{words.state}</th>
              <th class="num">{words.sent}</th>
              <th class="num">{words.got}</th>
              <th />
            </tr>
          </thead>
          <tbody>
            {seen.cards.map(({ devid, mac, state, rxBytes, txBytes }) => (
              <tr key={devid}>
                <td class="m">
                  vif{id}.{devid}
                </td>
                <td class="m">{mac}</td>
                <td class="nw">
                  {state} {XENBUS_STATES[state]}
                </td>
                <td class="num m">{bytes(rxBytes)}</td>
                <td class="num m">{bytes(txBytes)}</td>
                <td class="num">
                  <Do
                    disabled={off}
                    command={commandOf('network-detach', name, { device: `${devid}`, mac })}
                    onClick={() =>
                      act(commandOf('network-detach', name, { device: `${devid}`, mac }), () =>
                        host['network-detach'](id, String(devid)),
                      )
                    }
                  >
                    {words.detach}
                  </Do>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    )}
    {seen.nics && !seen.process && <p class="cap-t">{words.emulatedCard(seen.nics[0]!)}</p>}
    {seen.attaches && !off && (
      <div class="row wrap attach">
        <Do
          command={commandOf('network-attach', name)}
          onClick={() => act(commandOf('network-attach', name), () => host['network-attach'](id))}
        >
          <Icon name="plus" />
          {words.attachCard}
        </Do>
        <code class="dim">{spelled(commandOf('network-attach', name))}</code>
      </div>
    )}
  </section>
);
