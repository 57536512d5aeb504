/** A domain that is paused while another host may have it: neither do its back ends move. */
import { expect, it, vi } from 'vitest';
import { FRAME_BYTES } from '../../hypervisor/memory/machine.ts';
import { HVM_PARAM } from '../../hypervisor/interfaces/xen/abi.ts';
import { Ports } from '../../hypervisor/interfaces/xen/events/ports.ts';
import { soon, until } from '../service/host.test-support.ts';
import { GUESTS, pair, watch } from '../pool/migration/pair.test-support.ts';

/** Word and byte offsets of struct xencons_interface (io/console.h). */
const OUT = 1024,
  OUT_PROD = 3084;

async function heldGuest(isDeaf: boolean) {
  const { a } = pair();
  const { id } = await a.create(GUESTS.minipv('web', '', 'pvh'));
  const shown = await watch(a, id);
  await until(() => shown.text().endsWith('minipv> '));
  if (isDeaf) {
    shown.type('rm control/feature-suspend\r');
    await until(() => shown.text().endsWith('suspend\r\nminipv> '));
  }
  const { toolstack, machine } = a,
    { services } = toolstack,
    member = a.domains.member(id);
  const turns = async (): Promise<void> => {
    for (let i = 0; i < 50; i++) await new Promise<void>(resolve => soon(resolve));
  };
  /** What lies in its ring, and was told of, when it stopped. */
  const print = (text: string): void => {
    const gfn = services.dom0.getHvmParam(id, HVM_PARAM.CONSOLE_PFN),
      port = services.dom0.getHvmParam(id, HVM_PARAM.CONSOLE_EVTCHN);
    const page = machine.secondStage(member.record).mfn(gfn) * FRAME_BYTES;
    const prod = (page + OUT_PROD) >>> 2;
    for (const letter of new TextEncoder().encode(text)) {
      machine.bytes[page + OUT + (machine.words[prod]! & 2047)] = letter;
      machine.words[prod]!++;
    }
    new Ports(machine, member.record).send(port);
  };
  return { toolstack, services, member, shown, turns, print };
}

const { signal } = new AbortController();

it.each([true, false])('lets its requests lie until it goes on, where it does not suspend itself: %s', async isDeaf => {
  const { toolstack, member, shown, turns, print } = await heldGuest(isDeaf);
  const held = await toolstack.hold(member, signal, () => {});
  print('late\r\n');
  await turns();
  expect(shown.text()).not.toContain('late');
  held.goOn();
  await until(() => shown.text().includes('late'));
});

it('serves none of them any more where it ends so', async () => {
  const { toolstack, member, shown, turns, print } = await heldGuest(true);
  await toolstack.hold(member, signal, () => {});
  print('late\r\n');
  await toolstack.remove(member, false, 'migrated');
  await turns();
  expect(shown.text()).not.toContain('late');
});

it('has no state before its media have answered', async () => {
  const { toolstack, services, member, turns } = await heldGuest(true);
  let isBusy = true;
  vi.spyOn(services, 'isBusy').mockImplementation(() => isBusy);
  const save = vi.spyOn(services, 'save');
  const held = toolstack.hold(member, signal, () => {});
  await turns();
  expect(save).not.toHaveBeenCalled();
  isBusy = false;
  (await held).goOn();
  expect(save).toHaveBeenCalledOnce();
});
