/** What the toolstack's part of a domain of Xen depends on its type: its nodes in the store, and what of it is set by libxl. */
import type { XenKind } from '../../../../hypervisor/kinds/index.ts';

interface Memory {
  memoryMiB: number;
  maxMemoryMiB: number;
}

interface XenDomain {
  /** image/ostype of /vm. */
  ostype: 'hvm' | 'linux';
  /** memory/videoram. */
  videoKiB: number;
  /** Nodes below control that are its own to write, but for those that all have. */
  features: readonly string[];
  /** hvmloader reads nodes. */
  hasLoader: boolean;
  /** It has a power button: asked by its store only where its driver has said that it listens (libxl__domain_pvcontrol_available). */
  hasButton: boolean;
  /** How much its target is below what it has (libxl's LIBXL_MAXMEM_CONSTANT). */
  slackKiB(memory: Memory): number;
  /** What it may have above what it sees. */
  spareMiB(memory: Memory): number;
}

const hvm: XenDomain = {
  ostype: 'hvm',
  videoKiB: 16 * 1024,
  features: ['feature-s3', 'feature-s4'],
  hasLoader: true,
  hasButton: true,
  // Where its memory is populated on demand, what it asks for lies on the safe side.
  slackKiB: ({ memoryMiB, maxMemoryMiB }) => (maxMemoryMiB > memoryMiB ? 1024 : 0),
  spareMiB: () => 0,
};

const pvh: XenDomain = {
  ...hvm,
  ostype: 'linux',
  videoKiB: -1,
  features: [],
  hasLoader: false,
  hasButton: false,
  slackKiB: () => 0,
};

const pv: XenDomain = { ...pvh, spareMiB: ({ memoryMiB, maxMemoryMiB }) => maxMemoryMiB - memoryMiB };

export const XEN_DOMAINS: Readonly<Record<XenKind, XenDomain>> = { hvm, pvh, pv };
