/**
 * The link of a card whose domain runs. Source: qemuDomainChangeNet() and qemuDomainChangeNetLinkState() of src/qemu/qemu_hotplug.c,
 * libxlDomainUpdateDeviceLive() of src/libxl/libxl_driver.c of libvirt 9.0.
 */
import type { Card } from '../definitions/config/index.ts';
import type { Uses } from '../toolstack/index.ts';
import { LibvirtError } from './errors.ts';
import { driverOf } from './hypervisors/index.ts';

/** `asked`: what the element defines: all but the link is to be as it is. @throws LibvirtError */
export function updateCard(host: Uses<'domains' | 'toolstack'>, id: number, asked: Card): void {
  driverOf(host).needsQemu("device type 'interface' cannot be updated", 'CONFIG_UNSUPPORTED');
  const member = host.domains.living(id);
  const { definition } = member.blueprint;
  const refuse = (detail: string): never => {
    throw new LibvirtError('OPERATION_UNSUPPORTED', detail, 'qemu');
  };
  const card = definition.cards.find(({ mac }) => asked.mac === undefined || asked.mac === mac);
  if (!card)
    throw new LibvirtError(
      'DEVICE_MISSING',
      `no device found at address '${asked.mac ?? ''}' matching MAC address`,
      'qemu',
    );
  if (asked.model !== card.model)
    refuse(`cannot modify network device model from ${card.model} to ${asked.model ?? 'netfront'}`);
  const [before, after] = [card.options ?? {}, asked.options ?? {}];
  if (before.network !== after.network || (before.bridge !== after.bridge && after.network === undefined))
    refuse('unable to change config on this network type');
  const { link: was = 'up' } = before;
  const { link = 'up' } = after;
  const cards = definition.cards.map(each => (each === card ? { ...card, options: { ...before, link } } : each));
  member.blueprint = { ...member.blueprint, definition: { ...definition, cards } };
  if (link !== was) member.runner.ask('setLink', card.place ?? 0, link === 'up');
}
