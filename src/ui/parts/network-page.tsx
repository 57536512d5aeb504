/** The bridge: its ports with their counts, and the stations that it has learned. */

import { domains } from '../host.ts';
import { inventory } from '../inventory.ts';
import { strings } from '../strings.ts';
import { laterStrings } from '../strings-later.ts';
import { bytes } from '../terminal.ts';
import { Chip, Icon } from './marks.tsx';

const words = laterStrings.hostPage;

/** Whose card is behind a port: vifID.N is a guest's, the uplink is the host's. */
function Owner({ port }: { port: string }) {
  const id = /^vif(\d+)\./.exec(port)?.[1];
  const name = id === undefined ? strings.shell.domain : domains.value.find(domain => domain.id === Number(id))?.name;
  return <><Chip id={id === undefined ? 0 : Number(id)} /> {name ?? id}</>;
}

export function NetworkPage() {
  const bridge = inventory.value?.bridge;
  if (!bridge) return <div class="body"><p class="sec">{words.waiting}</p></div>;
  const counts = (packets: number, all: number) => <>{words.packets(packets)}<span class="dim">, {bytes(all)}</span></>;
  return <div class="body netw">
    <section><div class="ph"><h3><Icon name="bridge" /> {bridge.name}</h3><span class="sec">{strings.tree.ports(bridge.ports.length)}</span></div>
      <table class="pad" tabIndex={0}><thead><tr><th>{words.port}</th><th>{words.usedBy}</th><th class="num">{words.received}</th><th class="num">{words.transmitted}</th><th class="num">{words.dropped}</th></tr></thead>
        <tbody>{bridge.ports.map(port => <tr key={port.name}><td class="m">{port.name}</td><td class="nw"><Owner port={port.name} /></td><td class="num m">{counts(port.rxPackets, port.rxBytes)}</td><td class="num m">{counts(port.txPackets, port.txBytes)}</td><td class="num m">{port.dropped}</td></tr>)}</tbody></table>
      <p class="cap-t">{words.portsCaption}</p></section>
    <section><div class="ph"><h3>{words.stations}</h3></div>
      {bridge.stations.length === 0 ? <p class="sec">{words.noStations}</p> : <table class="pad" tabIndex={0}><thead><tr><th>{words.mac}</th><th>{words.port}</th><th>{words.usedBy}</th><th class="num">{words.seen}</th></tr></thead>
        <tbody>{bridge.stations.map(({ mac, port, ageSeconds }) => <tr key={mac}><td class="m">{mac}</td><td class="m">{port}</td><td class="nw"><Owner port={port} /></td><td class="num m">{words.ago2(ageSeconds)}</td></tr>)}</tbody></table>}
      <p class="cap-t">{words.stationsCaption}</p></section>
  </div>;
}
