/** What a hostile driver does to a device of virtio: it takes it as an honest one would, so that its queues live, and offers chains of every form. */
import type { Pick } from '../../harness/pick.ts';
import type { Action, Target } from './target.ts';

/** BAR 4, in which everything lies on a page of its own (devices/virtio/transport.ts). */
const BAR = 0x20,
  NOTIFY = 0x3000;
const STATUS = 0x14,
  DRIVING = 0xf;
/** Of a queue: its size, and where its three parts lie. */
const SIZES = [4, 16, 64],
  RINGS = 0x4000,
  RING_BYTES = 0x1000,
  DRIVER = 0x500,
  DEVICE = 0x800;
const QUEUES = 5;
const MEMORY_BYTES = 1 << 20;
const NEXT = 1,
  WRITE = 2,
  INDIRECT = 4;

const partsOf = (queue: number): number[] => [0, DRIVER, DEVICE].map(at => RINGS + RING_BYTES * queue + at);

/** The next thing that is done; undefined: its registers are nowhere now. */
export function offer(bdf: number, target: Target, pick: Pick, value: () => number): Action[] | undefined {
  const base = (target.config(bdf, BAR) & ~15) >>> 0;
  if (base === 0) return undefined;
  const store = (at: number, size: number, value: number): Action => ({
    kind: 'store',
    address: base + at,
    size,
    value,
  });
  if (pick(40) === 0) return taken(store, pick);
  const queue = pick(QUEUES),
    [descriptors, driver] = partsOf(queue);
  const actions: Action[] = [];
  const first = pick(SIZES[0]);
  const pieces = 1 + pick(4);
  const message = pick(4) === 0 ? messageOf(pick, value) : undefined;
  for (let i = 0; i < pieces; i++) {
    const table = new DataView(new ArrayBuffer(16));
    table.setUint32(0, pick(8) ? pick(MEMORY_BYTES) : value(), true);
    table.setUint32(4, pick(32) ? 0 : value(), true);
    table.setUint32(8, pick(4) ? pick(600) : value(), true);
    if (i === 0 && message) {
      const at = pick(MEMORY_BYTES - message.length);
      actions.push({ kind: 'memory', address: at, bytes: message });
      [at, 0, message.length].forEach((word, j) => table.setUint32(4 * j, word, true));
    }
    const isLast = i === pieces - 1;
    table.setUint16(12, pick(16) ? (isLast ? 0 : NEXT) | (i > 0 ? WRITE : pick(2) * WRITE) : pick(8), true);
    if (pick(12) === 0) table.setUint16(12, INDIRECT, true);
    table.setUint16(14, pick(16) ? first + i + 1 : pick(80), true);
    actions.push({ kind: 'memory', address: descriptors + 16 * (first + i), bytes: new Uint8Array(table.buffer) });
  }
  // What a request begins with: small words.
  const header = Uint8Array.from({ length: 16 }, () => (pick(3) ? 0 : pick(16)));
  actions.push({ kind: 'memory', address: pick(MEMORY_BYTES - 16), bytes: header });
  const index = target.word(driver + 2);
  const next = pick(50) ? index + 1 : value();
  const slot = new Uint8Array(2);
  slot[0] = pick(20) ? first : pick(256);
  actions.push({ kind: 'memory', address: driver + 4 + 2 * (index % SIZES[pick(SIZES.length)]), bytes: slot });
  actions.push({ kind: 'memory', address: driver, bytes: Uint8Array.of(pick(2), 0, next, next >>> 8) });
  actions.push(store(NOTIFY + 4 * queue, 2, queue));
  if (pick(4) === 0) actions.push({ kind: 'time', ns: pick(200_000) });
  return actions;
}

/** As 9P has one: its size, type and tag, and words. */
function messageOf(pick: Pick, value: () => number): Uint8Array {
  const message = new Uint8Array(7 + pick(60));
  const view = new DataView(message.buffer);
  for (let at = 7; at + 4 <= message.length; at += 4) view.setUint32(at, pick(3) ? pick(4) : value(), true);
  view.setUint32(0, pick(20) ? message.length : value(), true);
  message[4] = pick(8) ? 2 * pick(64) : pick(256);
  return message;
}

/** From reset to a driver that drives. */
function taken(store: (at: number, size: number, value: number) => Action, pick: Pick): Action[] {
  const all = pick(2) ? 0xffffffff : 1 << pick(32);
  const actions: Action[] = [store(STATUS, 1, 0), store(STATUS, 1, 3)];
  // What is offered is not known here: either few features, or those of VIRTIO 1 alone.
  [pick(3) ? 0 : all >>> 0, 1].forEach((features, word) => actions.push(store(8, 4, word), store(0xc, 4, features)));
  actions.push(store(STATUS, 1, 0xb));
  const size = SIZES[pick(SIZES.length)];
  for (let queue = 0; queue < QUEUES; queue++) {
    const parts = partsOf(queue);
    actions.push({ kind: 'memory', address: parts[0], bytes: new Uint8Array(RING_BYTES) });
    actions.push(store(0x16, 2, queue), store(0x18, 2, size), store(0x1a, 2, pick(4)));
    parts.forEach((address, i) => actions.push(store(0x20 + 8 * i, 4, address), store(0x24 + 8 * i, 4, 0)));
    actions.push(store(0x1c, 2, 1));
  }
  actions.push(store(STATUS, 1, DRIVING));
  return actions;
}
