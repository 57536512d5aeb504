import { describe, expect, it } from 'vitest';
import { TestTimers } from '../../../devices/testing.ts';
import { ascii, get32, parseAddress, parseIp, udpFrame } from '../../../devices/net/packets.ts';
import { OWN_SUBNET } from '../../../devices/net/subnet.ts';
import { CardWire } from '../../../hypervisor/domain/card-wire.ts';
import { createDomain, domain0 } from '../../../hypervisor/memory/domain-table.ts';
import { MAILBOX } from '../../../hypervisor/layout/layout.ts';
import { XEN_PV } from '../../../hypervisor/interfaces/xen/records.ts';
import { type DomainRecord, Machine } from '../../../hypervisor/memory/machine.ts';
import { HostBus } from '../hardware/host-bus.ts';
import { Network } from './network.ts';
import type { Rate } from './rate.ts';

const EVERYBODY = new Uint8Array(6).fill(0xff);
const mac = (n: number): Uint8Array => Uint8Array.of(0, 0x16, 0x3e, 0, 0, n);

function make() {
  const machine = Machine.create(new SharedArrayBuffer(32 * 2 ** 20));
  const timers = new TestTimers();
  const wakes: number[] = [];
  const network = new Network(
    machine,
    { clock: timers.clock, wakeAt: deadlineNs => wakes.push(deadlineNs) },
    new HostBus(machine),
  );
  const doorbell = (of: DomainRecord): number => machine.words[(of.mailboxOffset >>> 2) + MAILBOX.DOORBELL];
  const dom0 = domain0(machine, XEN_PV);
  /** A guest whose card is no more than its wire. */
  const guest = (rate?: Rate) => {
    const record = createDomain(machine, 1, 256, { cards: 1 });
    const wire = new CardWire(machine, record, timers);
    const got: Uint8Array[] = [];
    wire.receive = frame => got.push(frame);
    network.attachCard(record, { rate });
    return { record, wire, got };
  };
  const poll = (): void => {
    while (network.pending) network.poll();
  };
  return { machine, timers, network, guest, poll, wakes, doorbell, dom0 };
}

/** DHCPDISCOVER of a station. */
function discover(station: Uint8Array): Uint8Array {
  const message = new Uint8Array(300);
  message.set([1, 1, 6]);
  message.set(station, 28);
  message.set([0x63, 0x82, 0x53, 0x63, 53, 1, 1, 255], 236);
  return udpFrame({ fromMac: station, from: 0, toMac: EVERYBODY, to: 0xffffffff }, 68, 67, message);
}

const ethernet = (to: Uint8Array, from: Uint8Array, length = 60): Uint8Array => {
  const frame = new Uint8Array(length);
  frame.set(to);
  frame.set(from, 6);
  frame.set([0x88, 0xb5], 12);
  return frame;
};

describe('the network of Domain 0', () => {
  it('brings guests together, each told by its doorbell, and the gateway answers all of them', () => {
    const { guest, poll, timers, doorbell, dom0 } = make();
    const [a, b] = [guest(), guest()];
    const before = doorbell(dom0);
    a.wire.send(ethernet(EVERYBODY, mac(1)));
    expect(doorbell(dom0)).toBe(before + 1);
    const rung = doorbell(b.record);
    poll();
    expect(doorbell(b.record)).toBe(rung + 1);
    expect(b.got).toEqual([]);
    b.wire.poll();
    expect([a.got.length, b.got]).toEqual([0, [ethernet(EVERYBODY, mac(1))]]);
    b.wire.send(discover(mac(2)));
    a.wire.send(discover(mac(1)));
    poll();
    timers.advanceMs(1);
    poll();
    const leases = [a, b].map(({ wire, got }) => {
      got.length = 0;
      wire.poll();
      timers.advanceMs(1);
      return got
        .map(frame => parseIp(frame))
        .filter(packet => packet?.source === parseAddress('10.0.2.2'))
        .map(packet => get32(packet!.payload, 8 + 16));
    });
    // In the order of asking.
    expect(leases).toEqual([[parseAddress('10.0.2.15')], [parseAddress('10.0.2.16')]]);
  });

  it('gives no two stations the same address, however many ask', () => {
    const { guest, poll, timers } = make();
    const { wire, got } = guest();
    const seen = new Map<number, number>();
    for (let n = 0; n < 240; n++) {
      wire.send(discover(Uint8Array.of(0, 0x16, 0x3e, 1, 0, n)));
      poll();
      timers.advanceMs(1);
      poll();
      wire.poll();
      timers.advanceMs(1);
      const offered = get32(parseIp(got.pop()!)!.payload, 8 + 16);
      expect(seen.has(offered)).toBe(false);
      seen.set(offered, n);
    }
    expect(Math.max(...seen.keys())).toBe(parseAddress('10.0.2.254'));
  });

  it('keeps a guest from sending more than its rate, and its card from losing what waits', () => {
    const { guest, poll, timers, wakes, network } = make();
    const a = guest({ bytes: 3000, intervalUs: 1000 }),
      b = guest();
    b.wire.canReceive = () => true;
    let sent = 0;
    for (let ms = 0; ms < 100; ms++) {
      while (!a.wire.busy) {
        a.wire.send(ethernet(EVERYBODY, mac(1), 1500));
        sent++;
      }
      poll();
      network.poll();
      expect(wakes.at(-1)).toBeLessThan(Infinity);
      timers.advanceMs(1);
      b.wire.poll();
      timers.advanceMs(0.05);
    }
    expect(b.got.length).toBeGreaterThan(195);
    expect(b.got.length).toBeLessThan(215);
    expect(sent - b.got.length).toBeLessThan(50);
  });

  it('bounds what waits for a guest that does not read, and disturbs nobody with it', () => {
    const { guest, poll, network, timers } = make();
    const [a, b, c] = [guest(), guest(), guest()];
    b.wire.canReceive = () => false;
    for (let n = 0; n < 500; n++) {
      a.wire.send(ethernet(EVERYBODY, mac(1), 1514));
      poll();
      for (const { wire } of [b, c]) wire.poll();
      timers.advanceMs(1);
    }
    expect([b.got.length, c.got.length]).toEqual([0, 500]);
    const ports = network.bridge.list();
    expect(ports.map(({ name }) => name)).toEqual(['eth0', 'vif1.0-emu', 'vif2.0-emu', 'vif3.0-emu']);
    expect(ports[2].counts.txDropped).toBe(500 - 43);
    b.wire.canReceive = () => true;
    timers.advanceMs(1);
    expect(b.got).toHaveLength(43);
  });

  it('forgets a guest that is gone', () => {
    const { guest, poll, network } = make();
    const [a, b] = [guest(), guest()];
    a.wire.send(ethernet(EVERYBODY, mac(1)));
    poll();
    network.detachCard(a.record.id);
    a.wire.send(ethernet(EVERYBODY, mac(1)));
    poll();
    b.wire.poll();
    expect([b.got.length, network.bridge.list().length, network.bridge.stations()]).toEqual([1, 2, []]);
  });

  it('leaves nothing behind of a network that is removed: its gateway answers no more', async () => {
    const { machine, network, poll, timers } = make();
    const { size } = network.timers;
    await network.addNetwork('inner', { bridge: 'virbr0', subnet: OWN_SUBNET, goesOut: false });
    const record = createDomain(machine, 1, 256, { cards: 1 });
    const wire = new CardWire(machine, record, timers);
    let answers = 0;
    wire.receive = () => answers++;
    network.attachCard(record, { options: { network: 'inner' } });
    const ask = (): void => {
      wire.send(discover(mac(1)));
      poll();
      timers.advanceMs(1);
      poll();
      wire.poll();
    };
    ask();
    expect(answers).toBe(1);
    expect(network.timers.size).toBe(size + 2);
    const bridge = network.bridgeFor({ network: 'inner' });
    network.removeNetwork('inner');
    ask();
    expect([answers, network.timers.size, bridge.list().map(({ name }) => name)]).toEqual([1, size, ['vif1.0-emu']]);
  });

  it('lets a guest without a network behind its wire be', () => {
    const { machine, timers, network } = make();
    const record = createDomain(machine, 1);
    const wire = new CardWire(machine, record, timers);
    wire.send(ascii('nowhere'));
    wire.poll();
    network.attachCard(record);
    expect([wire.busy, network.bridge.list().length]).toEqual([false, 1]);
  });
});
