/** Debian's packages of kernels (linux-image-…): what is booted, and its modules. */
import { readDeb } from './deb.ts';
import { Unavailable } from './source.ts';

export interface KernelPackage {
  /** As `uname -r` says it. */
  release: string;
  kernel: Uint8Array;
  /** By their paths without .xz; one that was packed so still is. */
  modules: Map<string, Uint8Array>;
  /** modules.order and modules.builtin*, which depmod reads. */
  lists: Map<string, Uint8Array>;
}

/** @throws Unavailable where the package has not what Debian 12 and 13 have there */
export async function readKernel(image: string, deb: Uint8Array): Promise<KernelPackage> {
  const release = image.replace('linux-image-', '');
  const modules = new Map<string, Uint8Array>();
  const lists = new Map<string, Uint8Array>();
  let kernel: Uint8Array | undefined;
  for (const { path, type, data } of await readDeb(deb)) {
    if (type !== 'file') continue;
    if (path === `boot/vmlinuz-${release}`) kernel = data;
    else if (/\.ko(\.xz)?$/.test(path)) modules.set(path.replace(/\.xz$/, ''), data);
    else if (/\/modules\.(order|builtin)/.test(path)) lists.set(path, data);
  }
  if (!kernel || modules.size === 0) throw new Unavailable(`${image} holds no kernel and modules where Debian has them`);
  return { release, kernel, modules, lists };
}
