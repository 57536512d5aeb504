/** The bridge: its ports with their counts, and the stations that it has learned. */

import { hostSystemName } from '../hypervisors/of-host.ts';
import type { Inventory } from '../../dom0/service/index.ts';
import { domains } from '../host.ts';
import { inventory } from '../inventory.ts';
import { ordered, orderOf } from '../order.ts';
import { strings } from '../strings.ts';
import { viewStrings } from '../view-strings.ts';
import { bytes } from '../terminal.ts';
import { Chip, Icon } from './marks.tsx';
import { Networks } from './networks.tsx';
import { SortHead } from './sort-head.tsx';

const words = viewStrings.hostPage;

type Port = Inventory['bridge']['ports'][number];
type Station = Inventory['bridge']['stations'][number];
const PORT = {
  name: ({ name }: Port) => name,
  owner: ({ name }: Port) => ownerOf(name).name,
  rx: ({ rxBytes }: Port) => rxBytes,
  tx: ({ txBytes }: Port) => txBytes,
  dropped: ({ dropped }: Port) => dropped,
};
const STATION = {
  mac: ({ mac }: Station) => mac,
  port: ({ port }: Station) => port,
  owner: ({ port }: Station) => ownerOf(port).name,
  age: ({ ageSeconds }: Station) => ageSeconds,
};

/** Whose card is behind a port: vifID.N is a guest's, the uplink is the host's. */
function ownerOf(port: string): { id: string | undefined; name: string | undefined } {
  const id = /^vif(\d+)\./.exec(port)?.[1];
  return {
    id,
    name: id === undefined ? hostSystemName() : domains.value.find(domain => domain.id === Number(id))?.name,
  };
}

function Owner({ port }: { port: string }) {
  const { id, name } = ownerOf(port);
  return (
    <>
      <Chip id={id === undefined ? 0 : Number(id)} /> {name ?? id}
    </>
  );
}

export function NetworkPage() {
  const bridge = inventory.value?.bridge;
  if (!bridge)
    return (
      <div class="body">
        <p class="sec">{words.waiting}</p>
      </div>
    );
  return (
    <div class="body netw">
      <Networks />
      <Ports bridge={bridge} />
      <Stations stations={bridge.stations} />
    </div>
  );
}

const counts = (packets: number, all: number) => (
  <>
    {words.packets(packets)}
    <span class="dim">, {bytes(all)}</span>
  </>
);

function Ports({ bridge }: { bridge: Inventory['bridge'] }) {
  return (
    <section>
      <div class="ph">
        <h3>
          <Icon name="bridge" /> {bridge.name}
        </h3>
        <span class="sec">{strings.tree.ports(bridge.ports.length)}</span>
      </div>
      <table class="pad" tabIndex={0}>
        <thead>
          <tr>
            <SortHead list="ports" column="name">
              {words.port}
            </SortHead>
            <SortHead list="ports" column="owner">
              {words.usedBy}
            </SortHead>
            <SortHead list="ports" column="rx" cls="num">
              {words.received}
            </SortHead>
            <SortHead list="ports" column="tx" cls="num">
              {words.transmitted}
            </SortHead>
            <SortHead list="ports" column="dropped" cls="num">
              {words.dropped}
            </SortHead>
          </tr>
        </thead>
        <tbody>
          {ordered(bridge.ports, orderOf<keyof typeof PORT>('ports'), PORT).map(port => (
            <tr key={port.name}>
              <td class="m">{port.name}</td>
              <td class="nw">
                <Owner port={port.name} />
              </td>
              <td class="num m">{counts(port.rxPackets, port.rxBytes)}</td>
              <td class="num m">{counts(port.txPackets, port.txBytes)}</td>
              <td class="num m">{port.dropped}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="cap-t">{words.portsCaption}</p>
    </section>
  );
}

function Stations({ stations }: { stations: readonly Station[] }) {
  return (
    <section>
      <div class="ph">
        <h3>{words.stations}</h3>
      </div>
      {stations.length === 0 ? (
        <p class="sec">{words.noStations}</p>
      ) : (
        <table class="pad" tabIndex={0}>
          <thead>
            <tr>
              <SortHead list="stations" column="mac">
                {words.mac}
              </SortHead>
              <SortHead list="stations" column="port">
                {words.port}
              </SortHead>
              <SortHead list="stations" column="owner">
                {words.usedBy}
              </SortHead>
              <SortHead list="stations" column="age" cls="num">
                {words.seen}
              </SortHead>
            </tr>
          </thead>
          <tbody>
            {ordered(stations, orderOf<keyof typeof STATION>('stations'), STATION).map(({ mac, port, ageSeconds }) => (
              <tr key={mac}>
                <td class="m">{mac}</td>
                <td class="m">{port}</td>
                <td class="nw">
                  <Owner port={port} />
                </td>
                <td class="num m">{words.ago2(ageSeconds)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <p class="cap-t">{words.stationsCaption}</p>
    </section>
  );
}
