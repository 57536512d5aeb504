/**
 * The definitions of offered guests are Xen's. A host without Xen starts the same kernels as guests of KVM: their paravirtual disks and cards are virtio's there
 * (docs/devices.md), and Linux has other names for both (drivers/block/virtio_blk.c, drivers/net/virtio_net.c of 6.1).
 */
import type { NamedFile } from '../dom0/service/index.ts';

/** Modules of Linux for Xen's devices, and those for what a guest of KVM has in their place. */
const MODULES: readonly (readonly [xen: string, kvm: string])[] = [
  ['xen-blkfront', 'virtio_pci,virtio_blk'],
  ['xen-netfront', 'virtio_pci,virtio_net'],
];

/** A definition in xl's language that finds KVM where it found Xen; everything else stays as it is written. */
export function definitionForKvm(text: string): string {
  const disks = new Map<string, string>();
  let its = text
    // Only a guest of Xen has something to unplug (Documentation/admin-guide/kernel-parameters.txt).
    .replace(/\bxen_emul_unplug=\S+ ?/g, '')
    .replace(/\bxvd([a-z])(?=[,:"\d])/g, (_, letter: string) => {
      if (!disks.has(letter)) disks.set(letter, String.fromCharCode(97 + disks.size));
      return `vd${disks.get(letter)}`;
    })
    .replace(/\btype=vif\b/g, 'model=virtio');
  for (const [xen, kvm] of MODULES) its = its.replaceAll(xen, kvm);
  return `${its.endsWith('\n') ? its : `${its}\n`}kvm = 1\n`;
}

export const filesForKvm = (files: readonly NamedFile[]): Promise<NamedFile[]> =>
  Promise.all(
    files.map(async ({ name, data }) => ({
      name,
      data: /\.cfg$/.test(name) ? new Blob([definitionForKvm(await data.text())]) : data,
    })),
  );
