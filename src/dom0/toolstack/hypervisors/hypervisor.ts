/** What the toolstack asks of the hypervisor below its guests. It never tests for one: another is one object like these. */
import type { HypervisorKind } from '../boot/menu/index.ts';

export interface Hypervisor {
  readonly kind: HypervisorKind;
  /** The host's own system is a domain of it, and guests find it: they are Xen's. */
  readonly hasDomain0: boolean;
  /** Lines of libxl that are heard before or behind a reason: none where libxl is not there. */
  libxlSays(lines: readonly string[]): readonly string[];
  /** How station addresses begin that are drawn for its guests, and which bits of their last three bytes are drawn. */
  readonly stations: { prefix: string; drawn: number };
  /** Lines of the kernel that it is a part of; absent: it has a log of its own. */
  kernelLog?(host: Parameters<typeof import('../boot/domain0-log.ts')['kernelLines']>[0]): Promise<string[]>;
}
