/** Channels of a guest of KVM that come while it runs, as ports of its console's device, and go. */
import { type ChannelPort, channelsOf, hasPorts, nextPort, withChannels } from '../../../../devices/index.ts';
import { channelAt } from '../../channels.ts';
import type { DomainConsole, Member } from '../../running-domain.ts';
import type { Toolstack } from '../../toolstack.ts';

/** Why a channel cannot come, or go. */
export class ChannelRefusal extends Error {
  readonly why: 'no controller' | 'no port' | 'name' | 'not there';

  constructor(why: ChannelRefusal['why'], sentence: string) {
    super(sentence);
    this.why = why;
  }
}

/** A channel comes to a guest that runs, as a port of its console's. @throws ChannelRefusal, or Error with a sentence */
export async function plugChannel<Console extends DomainConsole>(
  toolstack: Toolstack<Console>,
  member: Member<Console>,
  { name, path }: Omit<ChannelPort, 'port'>,
): Promise<void> {
  await toolstack.idle(member);
  const { virtio = [] } = member.blueprint.definition;
  const { channels } = member;
  if (!hasPorts(virtio) || !channels)
    throw new ChannelRefusal('no controller', 'The guest has no device of virtio whose ports channels are.');
  if (channels.has(name)) throw new ChannelRefusal('name', `The guest has a channel ${name} already.`);
  const port = nextPort(virtio);
  if (port === undefined) throw new ChannelRefusal('no port', 'Each port of the guest’s console is a channel.');
  setChannels(member, [...channelsOf(virtio), { name, port, ...(path === undefined ? {} : { path }) }]);
  const channel = channelAt(member, name);
  channels.set(name, channel);
  member.runner.ask('channel', name, { port });
  channel.begin();
  toolstack.runners.poke();
  toolstack.listener.listed();
}

/** It goes: the program at its other end is notified. @throws ChannelRefusal, or Error with a sentence */
export async function unplugChannel<Console extends DomainConsole>(
  toolstack: Toolstack<Console>,
  member: Member<Console>,
  name: string,
): Promise<void> {
  await toolstack.idle(member);
  const channel = member.channels?.get(name);
  if (!channel) throw new ChannelRefusal('not there', `The guest has no channel ${name}.`);
  setChannels(
    member,
    channelsOf(member.blueprint.definition.virtio).filter(each => each.name !== name),
  );
  member.channels!.delete(name);
  channel.end();
  member.runner.ask('channel', name, { isGone: true });
  toolstack.runners.poke();
  toolstack.listener.listed();
}

function setChannels(member: Pick<Member, 'blueprint'>, channels: readonly ChannelPort[]): void {
  const { blueprint } = member;
  const { definition } = blueprint;
  const virtio = withChannels(definition.virtio ?? [], channels);
  member.blueprint = { ...blueprint, definition: { ...definition, virtio } };
}
