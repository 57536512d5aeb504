/** What is attacked, device by device: its ports and addresses, those of a PCI function by what its base registers say, and what it hears from outside. */
import { inSlots, type NicModel, VIRTIO_DISK_SLOT } from '../../../devices/index.ts';
import type { Pick } from '../../harness/pick.ts';
import { type Action, type Target, VIRTIO_ITEMS, VIRTIO_SLOTS } from './target.ts';
import { offer } from './virtqueues.ts';

export interface Campaign {
  /** Ranges of ports and of guest-physical addresses: first one, how many. */
  ports?: readonly (readonly [number, number])[];
  memory?: readonly (readonly [number, number])[];
  /** A PCI function: slot × 8 + number. */
  bdf?: number;
  nic?: NicModel;
  hears?: 'frames' | 'people';
  /** Chains are offered in its virtqueues. */
  hasQueues?: true;
}

const nicAt = (nic: NicModel): Campaign => ({ bdf: 3 << 3, nic, hears: 'frames' });

export const CAMPAIGNS: Readonly<Record<string, Campaign>> = {
  pic: {
    ports: [
      [0x20, 2],
      [0xa0, 2],
      [0x4d0, 2],
    ],
  },
  pit: {
    ports: [
      [0x40, 4],
      [0x61, 1],
    ],
  },
  rtc: { ports: [[0x70, 4]] },
  apic: { memory: [[0xfee00000, 0x400]] },
  'io-apic': { memory: [[0xfec00000, 0x100]] },
  coprocessor: { ports: [[0xf0, 2]] },
  acpi: {
    bdf: (1 << 3) | 3,
    ports: [
      [0xb000, 64],
      [0xb2, 2],
      [0xaf00, 32],
    ],
  },
  pci: { ports: [[0xcf8, 8]] },
  bridges: {
    bdf: 1 << 3,
    ports: [
      [0xcf8, 8],
      [0x92, 1],
    ],
  },
  ps2: {
    ports: [
      [0x60, 1],
      [0x64, 1],
      [0x92, 1],
    ],
    hears: 'people',
  },
  uart: {
    ports: [
      [0x3f8, 8],
      [0x2f8, 8],
    ],
    hears: 'people',
  },
  parallel: { ports: [[0x378, 3]] },
  vga: {
    bdf: 2 << 3,
    ports: [
      [0x3b0, 48],
      [0x1ce, 2],
    ],
    memory: [[0xa0000, 0x20000]],
  },
  'xen-platform': { bdf: 4 << 3, ports: [[0x10, 4]] },
  ide: {
    bdf: (1 << 3) | 1,
    ports: [
      [0x1f0, 8],
      [0x170, 8],
      [0x3f6, 1],
      [0x376, 1],
    ],
  },
  pcnet: nicAt('pcnet'),
  e1000: nicAt('e1000'),
  ne2k_pci: nicAt('ne2k_pci'),
  ne2k_isa: { ports: [[0x300, 32]], nic: 'ne2k_isa', hears: 'frames' },
  virtio: { ...nicAt('virtio'), hasQueues: true },
  'virtio-disk': { bdf: VIRTIO_DISK_SLOT << 3, hasQueues: true },
  ...Object.fromEntries(
    inSlots(VIRTIO_ITEMS).map((name, i): [string, Campaign] => [
      `virtio-${name}`,
      { bdf: (VIRTIO_SLOTS + i) << 3, hasQueues: true, hears: 'people' },
    ]),
  ),
  'fw-cfg': { ports: [[0x510, 12]] },
  debug: {
    ports: [
      [0x80, 1],
      [0xe9, 1],
      [0x402, 1],
      [0x501, 4],
    ],
  },
  'test-device': {
    ports: [
      [0xe0, 24],
      [0x2000, 32],
    ],
  },
  dma: {
    ports: [
      [0x00, 16],
      [0x80, 16],
      [0xc0, 32],
      [0x3f0, 6],
    ],
  },
  floppy: {
    ports: [
      [0x3f2, 4],
      [0x3f5, 1],
      [0x3f7, 1],
      [0x04, 2],
      [0x0a, 3],
      [0x81, 1],
    ],
  },
  everything: {
    ports: [[0, 0x10000]],
    memory: [
      [0xa0000, 0x20000],
      [0xf0000000, 0x2000000],
      [0xfec00000, 0x200100],
    ],
    hears: 'frames',
  },
};

const SIZES = [1, 2, 4];
/** Guest memory that descriptors point to, and lie in. */
const USED_BYTES = 0x10000,
  PAGE = 4096;
const FIRST_BAR = 0x10,
  BARS = 6,
  IO_SPACE = 1,
  COMMAND = 4,
  DECODED = 7;
/** How much of a large window is looked at: its registers lie at its beginning. */
const WINDOW_BYTES = 0x8000,
  WINDOW_PORTS = 64;
const KEYS = ['KeyA', 'Enter', 'ShiftLeft', 'Pause', 'PrintScreen', 'ArrowUp', 'F1'];

const word = (pick: Pick): number => (pick(0x10000) * 0x10000 + pick(0x10000)) >>> 0;

/** Bits that mean something more often than others: none, all, one, few, a place in memory. */
function value(pick: Pick): number {
  switch (pick(7)) {
    case 0:
      return 0;
    case 1:
      return 0xffffffff;
    case 2:
      return (1 << pick(32)) >>> 0;
    case 3:
      return pick(16);
    case 4:
      return pick(USED_BYTES / 16) * 16;
    case 5:
      return pick(256);
    default:
      return word(pick);
  }
}

const some = (pick: Pick, most: number): Uint8Array => {
  const bytes = new Uint8Array(1 + pick(most));
  const same = pick(3) === 0 ? value(pick) & 0xff : -1;
  for (let i = 0; i < bytes.length; i++) bytes[i] = same >= 0 ? same : pick(256);
  return bytes;
};

/** A structure in memory: doublewords as a driver would write them, and as one never would. */
function descriptors(pick: Pick): Uint8Array {
  const words = new Uint32Array(1 + pick(64));
  for (let i = 0; i < words.length; i++) words[i] = value(pick);
  return new Uint8Array(words.buffer);
}

function frame(pick: Pick): Uint8Array {
  const bytes = some(pick, 1600);
  const kind = pick(3);
  if (kind === 0) bytes.fill(0xff, 0, 6);
  else if (kind === 1) bytes.set([0x00, 0x16, 0x3e, 1, 2, 3].slice(0, bytes.length));
  return bytes;
}

/** Where a campaign's device answers now. */
function windows(
  { bdf, ports = [], memory = [] }: Campaign,
  target: Target,
): { ports: (readonly [number, number])[]; memory: (readonly [number, number])[] } {
  const found = { ports: [...ports], memory: [...memory] };
  if (bdf === undefined) return found;
  for (let bar = 0; bar < BARS; bar++) {
    const base = target.config(bdf, FIRST_BAR + 4 * bar);
    if (base & IO_SPACE && base & 0xfffc) found.ports.push([base & 0xfffc, WINDOW_PORTS]);
    else if (!(base & IO_SPACE) && base & ~15) found.memory.push([(base & ~15) >>> 0, WINDOW_BYTES]);
  }
  return found;
}

/** The next thing that is done to a machine in this campaign. */
export function draw(campaign: Campaign, target: Target, pick: Pick): Action[] {
  const { ports, memory } = windows(campaign, target);
  const among = (ranges: readonly (readonly [number, number])[]): number => {
    const [base, count] = ranges[pick(ranges.length)];
    return base + pick(count);
  };
  const size = SIZES[pick(SIZES.length)];
  if (campaign.hasQueues && campaign.bdf !== undefined && pick(4)) {
    const actions = offer(campaign.bdf, target, pick, () => value(pick));
    if (actions) return actions;
  }
  const choice = pick(64);
  if (choice < 4)
    return [
      { kind: 'memory', address: pick(USED_BYTES / 16) * 16, bytes: pick(2) ? descriptors(pick) : some(pick, PAGE) },
    ];
  if (choice < 7) return [{ kind: 'time', ns: pick(8) === 0 ? pick(1_000_000_000) : pick(200_000) }];
  if (choice < 8) return [{ kind: 'acknowledge' }];
  if (choice < 10 && campaign.hears === 'frames') return [{ kind: 'frame', bytes: frame(pick) }];
  if (choice < 10 && campaign.hears === 'people') {
    const what = pick(3);
    if (what === 0) return [{ kind: 'key', code: KEYS[pick(KEYS.length)], down: pick(2) === 0 }];
    return [
      what === 1
        ? { kind: 'move', dx: pick(600) - 300, dy: pick(600) - 300, buttons: pick(8) }
        : { kind: 'serial', bytes: some(pick, 40) },
    ];
  }
  if (choice < 11 && pick(40) === 0) return [{ kind: 'reset' }];
  if (choice < 13 && campaign.bdf !== undefined) {
    // Configuration space; mostly its windows stay where they are and decoded.
    const offset = pick(4) === 0 ? pick(64) * 4 : COMMAND;
    return [
      { kind: 'out', port: 0xcf8, size: 4, value: (0x80000000 | (campaign.bdf << 8) | offset) >>> 0 },
      { kind: 'out', port: 0xcfc, size: 4, value: offset === COMMAND && pick(8) ? DECODED : value(pick) },
    ];
  }
  if (memory.length > 0 && (ports.length === 0 || pick(2) === 0)) {
    const address = among(memory);
    const aligned = pick(8) === 0 ? address : address & -size;
    return [
      pick(3) === 0
        ? { kind: 'load', address: aligned >>> 0, size }
        : { kind: 'store', address: aligned >>> 0, size, value: value(pick) },
    ];
  }
  if (ports.length === 0) return [{ kind: 'time', ns: 1000 }];
  const port = among(ports) & 0xffff;
  if (choice < 16)
    return [
      pick(2)
        ? { kind: 'ins', port, size, bytes: size * (1 + pick(512)) }
        : { kind: 'outs', port, size, bytes: new Uint8Array(size * (1 + pick(512))).fill(pick(256)) },
    ];
  return [pick(3) === 0 ? { kind: 'in', port, size } : { kind: 'out', port, size, value: value(pick) }];
}
