/**
 * Documents of Yjs, one a host: each host writes its own, and all have a copy of each other's. What a host sends changes the copy of its own document and nothing else,
 * so that nobody can write what is another's. How busy hosts are is no part of it: that is said again every two seconds (y-protocols, awareness), of oneself alone.
 */
import * as Y from 'yjs';
import * as awareness from 'y-protocols/awareness';
import * as sync from 'y-protocols/sync';
import * as decoding from 'lib0/decoding';
import * as encoding from 'lib0/encoding';
import type { Later } from '../host/index.ts';
import { type Peer, Peers } from './peer.ts';
import type { Pool } from './pool.ts';

/** As y-websocket numbers them. */
const MESSAGE = { sync: 0, awareness: 1 } as const;
/** Of one host's; looked at when so much of it has come. */
const MOST_DOCUMENT_BYTES = 2 * 2 ** 20,
  LOOK_BYTES = 2 ** 18;
/** Hosts that were there, whose documents are kept. */
const MOST_GONE = 64;

export interface DocumentsParts {
  pool: Pool;
  later: Later;
  hostMs(): number;
  say(sentence: string): void;
  /** For the documents' own names; nobody else may have drawn the same. */
  random(count: number): Uint8Array;
}

/** What this host has of another's. */
interface Copy {
  doc: Y.Doc;
  /** Since it was measured last. */
  cameBytes: number;
}

const message = (type: number, write: (encoder: encoding.Encoder) => void): Uint8Array => {
  const encoder = encoding.createEncoder();
  encoding.writeVarUint(encoder, type);
  write(encoder);
  return encoding.toUint8Array(encoder);
};

export class Documents {
  readonly own = new Y.Doc({ gc: true });
  private readonly parts: DocumentsParts;
  private readonly presence: awareness.Awareness;
  private readonly copies = new Map<string, Copy>();
  private readonly peers: Peers;
  /** By which number of a document each host speaks of how busy it is. */
  private readonly clients = new Map<string, number>();
  private readonly listeners = new Set<(writer: string) => void>();

  constructor(parts: DocumentsParts) {
    this.parts = parts;
    const { pool, later, say, hostMs, random } = parts;
    this.own.clientID = new DataView(random(4).slice().buffer).getUint32(0);
    this.presence = new awareness.Awareness(this.own);
    this.own.on('update', (update: Uint8Array) => {
      this.tell(message(MESSAGE.sync, encoder => sync.writeUpdate(encoder, update)));
      this.changed(pool.me);
    });
    this.presence.on('update', (_changed: unknown, origin: unknown) => {
      if (origin === 'local') this.tell(this.ownPresence());
    });
    this.peers = new Peers('state', {
      pool,
      later,
      say,
      hostMs,
      doing: 'What all hosts see does not reach',
      came: (name, peer) => this.greet(name, peer),
      went: name => this.endPresence(name),
    });
    pool.onChange(() => {
      if (pool.left !== undefined) this.presence.destroy();
      this.forget();
    });
  }

  /** A host's own, or the copy of it. */
  of(name: string): Y.Doc | undefined {
    return name === this.parts.pool.me ? this.own : this.copies.get(name)?.doc;
  }

  /** By their writers; this host's own is first. Those of hosts that are gone are there. */
  get all(): [writer: string, doc: Y.Doc][] {
    return [
      [this.parts.pool.me, this.own],
      ...[...this.copies].map(([name, { doc }]) => [name, doc] as [string, Y.Doc]),
    ];
  }

  setPresence(value: Record<string, unknown>): void {
    this.presence.setLocalState(value);
  }

  /** What hosts that are there said last, this one among them. */
  get presences(): Map<string, unknown> {
    const states = this.presence.getStates();
    const all = [[this.parts.pool.me, this.own.clientID] as const, ...this.clients];
    return new Map(all.flatMap(([name, client]) => (states.has(client) ? [[name, states.get(client)] as const] : [])));
  }

  /** Called with the host whose document has changed. */
  onChange(listener: (writer: string) => void): void {
    this.listeners.add(listener);
  }

  private changed(writer: string): void {
    for (const listener of this.listeners) listener(writer);
  }

  private greet(name: string, peer: Peer): (bytes: Uint8Array) => void {
    // One that comes again may have begun again: its document is asked for whole, and takes the place of the copy then.
    const came: Copy = { doc: new Y.Doc({ gc: true }), cameBytes: 0 };
    if (!this.copies.has(name)) this.copies.set(name, came);
    peer.send(message(MESSAGE.sync, encoder => sync.writeSyncStep1(encoder, came.doc)));
    if (this.presence.getLocalState()) peer.send(this.ownPresence());
    return bytes => this.take(name, came, peer, bytes);
  }

  private ownPresence(): Uint8Array {
    return message(MESSAGE.awareness, encoder =>
      encoding.writeVarUint8Array(encoder, awareness.encodeAwarenessUpdate(this.presence, [this.own.clientID])),
    );
  }

  /** Each host has a channel to each: what came from one is not passed on. */
  private tell(bytes: Uint8Array): void {
    this.peers.sendAll(bytes);
  }

  /** @throws Error: no host writes that */
  private take(name: string, came: Copy, peer: Peer, bytes: Uint8Array): void {
    const decoder = decoding.createDecoder(bytes);
    const type = decoding.readVarUint(decoder);
    if (type === MESSAGE.awareness) return this.takePresence(name, decoding.readVarUint8Array(decoder));
    if (type !== MESSAGE.sync) throw new Error(`there is no message ${type}`);
    const step = decoding.readVarUint(decoder);
    if (step === sync.messageYjsSyncStep1)
      return peer.send(message(MESSAGE.sync, encoder => sync.readSyncStep1(decoder, encoder, this.own)));
    if (step !== sync.messageYjsSyncStep2 && step !== sync.messageYjsUpdate)
      throw new Error(`there is no step ${step}`);
    const update = decoding.readVarUint8Array(decoder);
    Y.applyUpdate(came.doc, update, peer);
    came.cameBytes += update.length;
    if (came.cameBytes > LOOK_BYTES) {
      came.cameBytes = 0;
      if (Y.encodeStateAsUpdate(came.doc).length > MOST_DOCUMENT_BYTES)
        throw new Error(`its part is larger than ${MOST_DOCUMENT_BYTES >> 20} MiB`);
    }
    if (step === sync.messageYjsSyncStep2) this.copies.set(name, came);
    if (this.copies.get(name) === came) this.changed(name);
  }

  /** @throws Error: it speaks of another host, or nobody says that */
  private takePresence(name: string, update: Uint8Array): void {
    const decoder = decoding.createDecoder(update);
    const count = decoding.readVarUint(decoder);
    if (count !== 1) throw new Error('it speaks for more than itself');
    const client = decoding.readVarUint(decoder);
    const others = [...this.clients].filter(([host]) => host !== name).map(([, other]) => other);
    if (client === this.own.clientID || others.includes(client)) throw new Error('it speaks for another host');
    if (this.clients.get(name) !== client) this.endPresence(name);
    this.clients.set(name, client);
    awareness.applyAwarenessUpdate(this.presence, update, name);
  }

  private endPresence(name: string): void {
    const client = this.clients.get(name);
    if (client === undefined) return;
    this.clients.delete(name);
    awareness.removeAwarenessStates(this.presence, [client], 'gone');
    // It may come again with the same number.
    this.presence.meta.delete(client);
  }

  private forget(): void {
    const there = new Set(this.parts.pool.inOrder);
    const gone = [...this.copies.keys()].filter(name => !there.has(name));
    for (const name of gone.slice(0, Math.max(0, gone.length - MOST_GONE))) this.copies.delete(name);
  }
}
