/** What a hostile member of a pool may send on each of its channels: mostly what nearly is right, so that it comes far. */
import * as Y from 'yjs';
import { CHECKPOINT, encodeHead, encodeKept } from '../../../dom0/pool/index.ts';
import { encodeOffer, MESSAGE, PROTOCOL } from '../../../dom0/pool/migration/index.ts';
import { concat } from '../../../formats/bytes/index.ts';
import type { Pick } from '../../harness/pick.ts';

const bytesOf = (pick: Pick, count: number): Uint8Array => Uint8Array.from({ length: count }, () => pick(256));
const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const u32 = (value: number): Uint8Array => {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
};
const one = <T>(pick: Pick, all: readonly T[]): T => all[pick(all.length)]!;

/** Some of its bytes are others, or it ends early. */
function spoiled(pick: Pick, bytes: Uint8Array): Uint8Array {
  if (pick(20) > 0) return bytes;
  const other = bytes.slice(0, pick(8) === 0 ? pick(bytes.length + 1) : bytes.length);
  for (let i = pick(4); i > 0 && other.length > 0; i--) other[pick(other.length)] = pick(256);
  return other;
}

/** A message behind its length (peer.ts). */
const framed = (pick: Pick, message: Uint8Array): Uint8Array =>
  pick(2000) === 0 ? concat(u32(pick(2 ** 31)), message) : concat(u32(message.length), message);

const WORDS = ['alfa', 'bravo', 'zulu', '../..', '', '-', 'web', '__proto__', 'a'.repeat(400)];
const anything = (pick: Pick): unknown =>
  one<() => unknown>(pick, [
    () => one(pick, WORDS),
    () => pick(2 ** 31) - 2 ** 30,
    () => null,
    () => Number.NaN,
    () => ({ [one(pick, WORDS)]: one(pick, WORDS) }),
    () => [pick(9)],
    () => true,
  ])();

const FIELDS = {
  hosts: ['name', 'version', 'memoryMiB', 'slots', 'vt', 'station', 'receives'],
  guests: ['name', 'memoryMiB', 'host', 'state'],
  leases: ['owner', 'epoch', 'local', 'ofCopy'],
  wishes: ['mode', 'automatic'],
  moves: ['from', 'to', 'number'],
  made: ['number'],
  pool: ['name', 'term'],
} as const;

/** A document that its member writes on and on; a new one from time to time, since a large one is refused. */
class Writing {
  private doc = new Y.Doc();
  private count = 0;

  /** The change that it makes. */
  change(pick: Pick): Uint8Array {
    if (++this.count % 500 === 0) this.doc = new Y.Doc();
    const before = Y.encodeStateVector(this.doc);
    const map = one(pick, Object.keys(FIELDS)) as keyof typeof FIELDS;
    const value = Object.fromEntries(FIELDS[map].map(field => [field, anything(pick)]));
    if (pick(5) === 0) this.doc.getArray('tasks').push([pick(2) === 0 ? value : anything(pick)]);
    else
      this.doc
        .getMap(map)
        .set(map === 'pool' ? 'coordinator' : `${one(pick, WORDS)}${pick(20)}`, pick(4) === 0 ? anything(pick) : value);
    return Y.encodeStateAsUpdate(this.doc, before);
  }
}

const varUint = (value: number): number[] => {
  const bytes: number[] = [];
  for (; value > 0x7f; value = Math.floor(value / 128)) bytes.push((value % 128) | 0x80);
  return [...bytes, value];
};
const withLength = (bytes: Uint8Array): Uint8Array => concat(Uint8Array.from(varUint(bytes.length)), bytes);

export type Maker = (pick: Pick) => Uint8Array;

/** A message of a move, or of checkpoints. */
const typed = (type: number, body: Uint8Array): Uint8Array => concat(u32(type), u32(body.length), body);

/** One checkpoint as it comes behind the words before it: else all but the first message of a channel would be out of place. */
const checkpoints: Maker = pick => {
  const parts = [
    typed(
      CHECKPOINT.OF,
      encodeKept({
        uuid: `${one(pick, WORDS)}${pick(1e6)}`,
        name: one(pick, WORDS),
        keep: pick(120),
        ...(pick(4) === 0 ? { epoch: pick(30) } : {}),
      }),
    ),
    typed(CHECKPOINT.BEGIN, new Uint8Array()),
  ];
  let restBytes = 0;
  for (let i = pick(8); i > 0; i--) {
    const type = one(pick, [CHECKPOINT.PAGES, CHECKPOINT.BYTES, CHECKPOINT.BYTES, CHECKPOINT.AGAIN]);
    const body = type === CHECKPOINT.AGAIN ? concat(u32(pick(4)), u32(pick(2))) : bytesOf(pick, pick(200));
    if (type === CHECKPOINT.BYTES) restBytes += body.length;
    parts.push(typed(type, body));
  }
  const head = encodeHead({ atMs: pick(2 ** 31), devices: {}, pagesAt: pick(restBytes + 2) });
  parts.push(typed(CHECKPOINT.END, pick(8) === 0 ? bytesOf(pick, 40) : head));
  return spoiled(pick, concat(...parts));
};

const nbd: Maker = pick => {
  // The client's flags and an option (IHAVEOPT), or a request.
  const option = concat(
    text('IHAVEOPT'),
    u32(pick(8) << 24),
    Uint8Array.of(0, 0, 0, pick(40)),
    bytesOf(pick, pick(40)),
  );
  const request = concat(Uint8Array.of(0x25, 0x60, 0x95, 0x13, 0, pick(4), 0, pick(9)), bytesOf(pick, 20));
  return spoiled(pick, pick(2) === 0 ? option : request);
};

/** A guest with disks. */
const offer = (pick: Pick, token: string): Uint8Array =>
  encodeOffer({
    protocol: PROTOCOL,
    token,
    name: one(pick, WORDS),
    paused: false,
    toolstack: {},
    images: [],
    sendsImages: pick(2) === 0,
    postcopy: pick(2) === 0,
    copies: Array.from({ length: pick(4) }, () => ({
      path: one(pick, ['/dev/vg0/web', '/dev/sda', '/dev/vg0/../x', one(pick, WORDS)]),
      bytes: one(pick, [1, 2 ** 20, 2 ** 52, -1]),
    })),
  });

/** By the service of the channel. */
export function makers(): Record<'state' | 'frames' | 'leases' | 'migrate' | 'disks' | 'checkpoints' | 'nbd', Maker> {
  const writing = new Writing();
  return {
    state: pick => {
      const kind = pick(10);
      if (kind === 0) {
        const said = text(JSON.stringify(one(pick, [{ load: { slots: 1 } }, null, anything(pick) ?? 1])));
        const presence = [1, ...varUint(pick(2 ** 31)), ...varUint(pick(1000))];
        return framed(
          pick,
          concat(Uint8Array.of(1), withLength(spoiled(pick, concat(Uint8Array.from(presence), withLength(said))))),
        );
      }
      // A state vector that asks for what is there.
      if (kind === 1) return framed(pick, concat(Uint8Array.of(0, 0), withLength(spoiled(pick, Uint8Array.of(0)))));
      return framed(pick, concat(Uint8Array.of(0, 1 + pick(2)), withLength(spoiled(pick, writing.change(pick)))));
    },
    frames: pick => {
      const length = pick(500) === 0 ? pick(65_536) : 14 + pick(200);
      const frame = bytesOf(pick, pick(50) === 0 ? pick(100) : length);
      // ARP, IP, or noise; to all, or to somebody.
      frame.set(
        one(pick, [
          [0x08, 0x06],
          [0x08, 0x00],
          [pick(256), pick(256)],
        ]).slice(0, frame.length),
        Math.min(12, Math.max(0, frame.length - 2)),
      );
      if (pick(2) === 0) frame.fill(0xff, 0, 6);
      return concat(Uint8Array.of(length & 0xff, length >>> 8), frame);
    },
    leases: pick => {
      const what = one(pick, ['acquire', 'anew', 'renew', 'reclaim', 'hand-over', 'release', 'ask', 'steal']);
      const request = {
        number: pick(50) === 0 ? anything(pick) : 1 + pick(2 ** 30),
        guest: `${one(pick, WORDS)}${pick(50)}`,
        what,
        epoch: pick(30),
        to: one(pick, WORDS),
        local: anything(pick),
      };
      const message = pick(4) === 0 ? { answer: { ...request, owner: one(pick, WORDS) } } : { request };
      return framed(pick, spoiled(pick, text(JSON.stringify(pick(40) === 0 ? anything(pick) : message))));
    },
    migrate: pick => {
      const type = pick(3) === 0 ? pick(16) : one(pick, [MESSAGE.OFFER, MESSAGE.WHOSE]);
      const token = `zulu ${one(pick, WORDS)} ${pick(100)}`;
      const body =
        type === MESSAGE.WHOSE
          ? text(token)
          : type === MESSAGE.OFFER && pick(2) === 0
            ? offer(pick, token)
            : bytesOf(pick, pick(200));
      return spoiled(pick, concat(u32(type), u32(pick(100) === 0 ? pick(2 ** 31) : body.length), body));
    },
    checkpoints,
    disks: nbd,
    nbd,
  };
}

/** One of what channels are made of (dom0/pool/channels.ts): a type, a channel's number, and what follows. */
export const channelMessage: Maker = pick => {
  const message = bytesOf(pick, pick(30) === 0 ? pick(12) : 5 + pick(64));
  if (message.length >= 5 && pick(20) > 0) {
    message[0] = pick(50) === 0 ? pick(256) : one(pick, [0, 1, 3, 4, 5, 6]);
    message.set(u32(pick(8)), 1);
  }
  return message;
};
