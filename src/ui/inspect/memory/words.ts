/** The texts around the map of memory and the walk of an address. */

import { ofHost, type OfEach } from '../../hypervisors/of-host.ts';

/** As a processor has them; Ringside's own second stage is flat. */
const EPT_LEVELS = 4;

interface HypervisorWords {
  /** Guests grant pages to each other by it. */
  hasGrants: boolean;
  caption: string;
  /** The owner of the hypervisor's own frames. */
  hypervisor: string;
  /** Why Domain-0, or the host's system, owns so little. */
  sharedHint: string;
  /** What comes after the guest's own tables. */
  after: Readonly<Record<'hvm' | 'pv' | 'shadow', string>>;
  shadow: string;
  guestWay: string;
  /** The last step of a guest whose tables name machine frames. */
  p2m: string;
}
const OF_EACH: OfEach<HypervisorWords> = {
  xen: {
    hasGrants: true,
    caption:
      'A cell is 1 MiB, coloured by the owner of most of it. Granted: frames that others may map; mapped: that they do.',
    hypervisor: 'Xen',
    sharedHint: 'Domain-0 is a worker of the browser: of its memory only what it shares with Xen is here.',
    after: {
      hvm: ', then EPT, 4 levels',
      pv: ', checked by Xen',
      shadow: ', which Xen reads in the processor’s place',
    },
    shadow: 'What the processor walks: Xen’s shadow',
    guestWay: 'What Xen reads to fill it: the guest’s tables and the second stage',
    p2m: 'Xen’s check',
  },
  kvm: {
    hasGrants: false,
    caption: 'A cell is 1 MiB, coloured by the owner of most of it.',
    hypervisor: 'KVM',
    sharedHint:
      'The host’s system is a worker of the browser: of its memory only what it shares with its guests is here.',
    // KVM has no guests that write machine frames into their tables.
    after: { hvm: ', then EPT, 4 levels', pv: '', shadow: ', which KVM reads in the processor’s place' },
    shadow: 'What the processor walks: KVM’s shadow',
    guestWay: 'What KVM reads to fill it: the guest’s tables and the memory slots',
    p2m: 'memory slot',
  },
};
/** The words of the hypervisor that the host has. */
export const hypervisorWords = (): HypervisorWords => ofHost(OF_EACH);

export const words = {
  nothing: 'There is no machine.',
  owner: 'Owner',
  columns: ['Owner', 'MiB'],
  grantColumns: ['Granted', 'Mapped'],
  frameCount: 'Frames',
  free: 'free',
  who: 'Who owns what',
  shared: 'shared',
  map: 'Machine memory by owner; arrow keys choose a MiB',
  frames: (from: number) => `Frames 0x${from.toString(16)} to 0x${(from + 255).toString(16)}`,
  frame: (mfn: number) => `Frame 0x${mfn.toString(16)}`,
  walk: 'Address walk',
  linear: 'linear address',
  of: (name: string, vcpu: number) => `of ${name} v${vcpu}`,
  paging: { off: 'paging off', two: '2 levels', pae: 'PAE, 3 levels', four: '4 levels' },
  large: (mib: number) => `${mib}-MiB page: the walk ends here, no page table`,
  cost: (entries: number, looks: number) =>
    `${entries + EPT_LEVELS * looks} memory references on a TLB miss, none on a hit`,
  shadowCost: (entries: number) => `${entries} memory references on a TLB miss: those of the shadow alone`,
  shadowHint:
    'Guest tables and second stage in one, in machine frames. An entry is filled at a page fault that is an exit, and dropped at INVLPG and loads of CR3, which are exits, too.',
  shadowLevels: ['shadow L1', 'shadow L2', 'shadow L3', 'shadow L4'],
  shadowTable: 'denies nothing: the leaf has the rights',
  shadowEmpty: 'not filled: an access is a #PF, and an exit',
  shadowDevice: 'a device: each access is an exit',
  shadowReadOnly: 'the second stage is read-only',
  shadowLarge: 'part of a large page',
  shadowEnds: 'the same frame, in one walk',
  views: { owner: 'Owner', tables: 'Tables', granted: 'Granted', code: 'Code', referred: 'Shared' },
  show: 'Show on the map',
  counted: {
    tables: (name: string) => `page tables of ${name}, from its CR3`,
    granted: 'frames that others may map',
    code: 'frames with translated code',
    referred: 'frames with more than one reference',
  },
  shade: (what: string, frames: number, most: number) => `${what}: ${frames} in all, at most ${most} in a MiB.`,
  plain: 'writable',
  table: 'page table',
  lent: 'granted to a domain',
  granted: 'written by others',
  translated: 'code that ran',
  ends: 'walk ends',
  device: 'device',
  code: 'translated code',
  notThere: 'not present',
  inRegister: 'in a register',
  noGuest: 'Boot a guest: its addresses can be followed here.',
  wrong: 'Write a linear address in hexadecimal, c0100000 say.',
  eip: 'at EIP',
  esp: 'at ESP',
  steps: {
    cr3: 'CR3',
    physical: 'guest-physical',
    stage: 'EPT',
    secondStage: 'second stage',
    machine: 'machine frame',
  },
  references: 'references',
  type: 'type',
  uses: 'uses as that',
  m2p: 'known to its owner as',
  flags: 'flags',
  offset: 'offset',
  linearBits: 'linear, as it is',
  bits: (n: number) => `${n} bits`,
};
