/** A network next to the host's own, and who comes to its guests from outside. */
import { expect, it } from 'vitest';
import {
  ARP_REQUEST,
  arpFrame,
  ascii,
  parseAddress,
  parseIp,
  parseUdp,
  udpFrame,
} from '../../../devices/net/packets.ts';
import { OWN_SUBNET } from '../../../devices/net/subnet.ts';
import { TestTimers } from '../../../devices/testing.ts';
import { FakeDatagrams, FakeOutside } from './nat/nat.test-support.ts';
import { natTo } from './nat/index.ts';
import { VirtualNetwork } from './virtual-network.ts';

const NETWORK = parseAddress('192.168.122.0'),
  [GATEWAY, GUEST] = [NETWORK + 1, NETWORK + 2];
const MAC = Uint8Array.of(0x52, 0x54, 0, 0, 0, 2),
  GATEWAY_MAC = Uint8Array.of(0x52, 0x54, 0, 0, 0, 1);

it('has who comes by a forward come from its gateway, and brings the answer back', () => {
  const datagrams = new FakeDatagrams();
  const timers = new TestTimers();
  const network = new VirtualNetwork({
    name: 'virbr0',
    subnet: { ...OWN_SUBNET, network: NETWORK, gateway: GATEWAY, nameServer: GATEWAY, stationOf: () => GATEWAY_MAC },
    timers,
    nowNs: () => timers.clock.nowNs(),
    beyond: natTo(new FakeOutside([{ address: GUEST, port: 53, datagrams }])),
    answered: () => {},
  });
  const heard: Uint8Array[] = [];
  const port = network.bridge.addPort('vnet0', { deliver: ({ bytes }) => void heard.push(bytes) });
  const path = { fromMac: MAC, from: GUEST, toMac: GATEWAY_MAC, to: GATEWAY };
  port.input({ bytes: arpFrame(ARP_REQUEST, path) });
  datagrams.receive(ascii('question'), { host: '127.0.0.1', port: 50_000 });
  timers.advanceMs(1000);
  const came = heard.map(frame => parseIp(frame)).find(Boolean)!;
  expect([came.source, parseUdp(came)]).toMatchObject([GATEWAY, { sourcePort: 50_000, data: ascii('question') }]);
  port.input({ bytes: udpFrame(path, 53, 50_000, ascii('answer')) });
  expect(datagrams.sent).toEqual([{ bytes: ascii('answer'), to: { host: '127.0.0.1', port: 50_000 } }]);
});
