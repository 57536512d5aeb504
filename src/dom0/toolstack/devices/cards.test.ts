import { describe, expect, it } from 'vitest';
import { TestTimers } from '../../../devices/testing.ts';
import { type Card, newDefinition } from '../../definitions/config/index.ts';
import { Machine } from '../../../hypervisor/memory/machine.ts';
import { FakeGuest } from '../../backends/fake-guest.test-support.ts';
import { XENBUS_STATE } from '../../backends/xenbus.ts';
import { HostBus } from '../../host/hardware/host-bus.ts';
import { Network } from '../../host/network/network.ts';
import type { Rate } from '../../host/network/rate.ts';
import { CARDS, Cards, savedCards } from './cards.ts';
import { formatNetworkList } from './lists.ts';

const MAC = '00:16:3e:12:34:56';
const ID = { kind: 'vif', domid: 7, devid: 0 };

function make(saved?: ReturnType<typeof savedCards>, rate?: Rate) {
  const guest = new FakeGuest();
  const machine = Machine.create(new SharedArrayBuffer(4 * 2 ** 20));
  const network = new Network(machine, { clock: new TestTimers().clock, wakeAt: () => {} }, new HostBus(machine));
  const cards = new Cards(guest.parts, network, guest.domid, [{ mac: MAC, emulated: true, rate }], saved);
  cards.start();
  const connect = (): void => {
    for (const ref of [768, 769]) guest.grant(ref);
    guest.unbound.add(12);
    guest.write(ID, {
      'tx-ring-ref': 768,
      'rx-ring-ref': 769,
      'event-channel': 12,
      'request-rx-copy': 1,
      state: XENBUS_STATE.CONNECTED,
    });
    guest.poll();
  };
  return { guest, network, cards, connect };
}

describe("a guest's PV cards", () => {
  it('are listed as xl does, before and after its driver has come', () => {
    const { cards, connect } = make();
    const head = 'Idx BE Mac Addr.         handle state evt-ch   tx-/rx-ring-ref BE-path                       \n';
    expect(formatNetworkList(cards.list())).toBe(
      `${head}0   0  ${MAC}      0     2     -1    -1/-1          /local/domain/0/backend/vif/7/0\n`,
    );
    connect();
    expect(formatNetworkList(cards.list())).toBe(
      `${head}0   0  ${MAC}      0     4     12   768/769         /local/domain/0/backend/vif/7/0\n`,
    );
    expect(cards.list()[0].counts).toMatchObject({ rxPackets: 0, txPackets: 0 });
  });

  it('are on the bridge until the guest is gone, and then leave nothing', () => {
    const { guest, network, cards, connect } = make();
    connect();
    expect(network.bridge.list().map(({ name }) => name)).toEqual(['eth0', 'vif7.0']);
    expect(guest.backend(ID, 'type')).toBe('vif_ioemu');
    cards.close();
    expect([
      network.bridge.list().length,
      guest.mapped,
      guest.client.directory('/local/domain/0/backend/vif/7'),
    ]).toEqual([1, 0, []]);
  });

  it('leave no timer behind that kept them to a rate', () => {
    const { size } = make().network.timers;
    const { network, cards, connect } = make(undefined, { bytes: 1000, intervalUs: 50_000 });
    connect();
    expect(network.timers.size).toBe(size + 1);
    cards.close();
    expect(network.timers.size).toBe(size);
  });

  it('are saved with their addresses, and with their rings where the guest was not asked', () => {
    const { cards, connect } = make();
    connect();
    expect(cards.save(false)).toEqual([{ devid: 0, mac: MAC }]);
    const kept = cards.save(true);
    expect(kept).toEqual([
      { devid: 0, mac: MAC, rings: { tx: { reqCons: 0, rspProd: 0 }, rx: { reqCons: 0, rspProd: 0 }, groups: [] } },
    ]);
    expect(savedCards(kept)).toBe(kept);
    for (const wrong of [5, [{ devid: 0 }], [{ devid: 'x', mac: MAC }], [null]])
      expect(() => savedCards(wrong)).toThrow(/network cards/);
  });

  const planned = (...cards: Card[]) =>
    CARDS.planned({ hasVga: true, disks: [], definition: { ...newDefinition(), cards } });

  it('come of a definition that has a card', () => {
    expect(planned({ pv: true, mac: MAC, model: 'pcnet' })).toEqual([{ mac: MAC, rate: undefined, emulated: true }]);
    expect(planned({ mac: MAC, model: 'pcnet' })).toBeUndefined();
  });

  it('of a saved guest are those that the state has, each with what its text asks for it', () => {
    const emulated: Card = { model: 'e1000', mac: MAC };
    const second: Card = { mac: '00:16:3e:12:34:57', options: { bridge: 'virbr1' } };
    const third: Card = { pv: true, mac: '00:16:3e:12:34:58' };
    const definition = { ...newDefinition(), cards: [emulated, second, third] };
    const restored = (...macs: string[]) =>
      CARDS.restored!(
        definition,
        macs.map((mac, devid) => ({ devid, mac })),
      ).cards;
    expect(restored(MAC, second.mac!)).toEqual([
      { ...emulated, pv: true },
      { ...second, pv: true },
    ]);
    expect(restored(third.mac!)).toEqual([emulated, third]);
    expect(restored()).toEqual([emulated]);
  });
});
