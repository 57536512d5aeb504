/** A folder of Domain 0 comes to a guest of KVM that runs, as a function of PCI (devices/virtio/nine-p.ts): QEMU's device_add of a virtio-9p-pci. */
import { VIRTIO_DISKS, VIRTIO_PLACE } from '../../../../devices/ide/index.ts';
import { boardNames, ownSlot, slotOfDisk, VIRTIO_DISK_SLOT, virtioWords } from '../../../../devices/index.ts';
import type { DomainConsole, Member } from '../../running-domain.ts';
import type { Toolstack } from '../../toolstack.ts';

/** The guest mounts it by its tag. It goes into the definition, so that it is there after a restart, and in a saved state. @throws Error with a sentence: nothing has changed then */
export async function plugFolder<Console extends DomainConsole>(
  toolstack: Toolstack<Console>,
  member: Member<Console>,
  { tag, path, readOnly }: { tag: string; path: string; readOnly?: boolean },
): Promise<void> {
  await toolstack.idle(member);
  const { blueprint } = member;
  const { virtio = [] } = blueprint.definition;
  if (virtio.some(item => virtioWords(item).options.tag === tag))
    throw new Error(`${member.name} has a folder with the tag ${tag} already.`);
  const taken = new Set([
    ...(blueprint.drives ?? []).filter(({ place }) => place >= VIRTIO_PLACE).map(({ place }) => slotOfDisk(place)),
    ...virtio.map(ownSlot),
  ]);
  // From the end: disks come from vda on.
  let slot = VIRTIO_DISK_SLOT + VIRTIO_DISKS - 1;
  while (slot >= VIRTIO_DISK_SLOT && taken.has(slot)) slot--;
  if (slot < VIRTIO_DISK_SLOT)
    throw new Error(
      `Each slot of ${member.name}’s PCI bus is taken. Detach a disk of virtio, and share the folder then.`,
    );
  const item = `9p,tag=${tag},path=${path}${readOnly ? ',readonly=on' : ''},slot=${slot}`;
  const items = [...virtio, item];
  const withItems = (its: string[]): void => {
    const now = member.blueprint;
    member.blueprint = { ...now, definition: { ...now.definition, virtio: its } };
  };
  // As with a disk, its place is taken from now on.
  withItems(items);
  try {
    await member.runner.ask('plug', { folder: item, name: boardNames(items).at(-1)! });
  } catch (error) {
    withItems((member.blueprint.definition.virtio ?? []).filter(each => each !== item));
    throw error;
  }
  toolstack.runners.poke();
  toolstack.listener.listed();
}
