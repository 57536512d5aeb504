/**
 * A link between two members over a room that may read and change what passes: each end says a salt, and what follows is sealed with AES-GCM under keys of both
 * salts and the code. The counter is never sent: a message that is missing, old, changed or of another does not open, and the link ends.
 */
import { letGo } from '../../hypervisor/memory/index.ts';
import type { Subtle } from '../host/index.ts';
import { keyOf, open, SALT_BYTES, seal, subtleHere } from './code.ts';

const IV_BYTES = 12;
/** Of GCM. */
const TAG_BYTES = 16;

export interface LinkParts {
  secret: CryptoKey;
  /** Absent: the one that is there. */
  subtle?: Subtle | undefined;
  /** Of this end. */
  salt: Uint8Array;
  /** To the other's end: it is nobody else's, nor is its buffer. */
  send(message: Uint8Array): void;
  /** What the other has sealed, in its order. */
  opened(bytes: Uint8Array<ArrayBuffer>): void;
  /** The other end sends another salt: it has begun a new link. Absent: only this end may begin one. */
  calls?: ((salt: Uint8Array<ArrayBuffer>) => void) | undefined;
  /** This end has begun a new link: messages before the other end's salt belong to the previous one, and are ignored. */
  isAgain?: boolean | undefined;
  /** The first that is wrong with the link ends it; a sentence. */
  broken(why: string): void;
}

const counter = (count: number): Uint8Array<ArrayBuffer> => {
  const iv = new Uint8Array(IV_BYTES);
  new DataView(iv.buffer).setBigUint64(IV_BYTES - 8, BigInt(count));
  return iv;
};

export class Link {
  private readonly parts: LinkParts;
  private keys: Promise<readonly [subtle: Subtle, seals: CryptoKey, opens: CryptoKey]> | undefined;
  private theirs: Uint8Array | undefined;
  private readonly early: Uint8Array[] = [];
  private sealed = 0;
  private taken = 0;
  private outgoing = Promise.resolve();
  private incoming = Promise.resolve();
  isOver = false;
  /** Bytes that wait for their seal. */
  waitingBytes = 0;

  constructor(parts: LinkParts) {
    this.parts = parts;
    parts.send(parts.salt);
  }

  /** The bytes are the link's from then on, and so is their buffer. */
  send(bytes: Uint8Array): void {
    if (this.isOver) return;
    if (!this.keys) return void this.early.push(bytes);
    const iv = counter(this.sealed++);
    this.waitingBytes += bytes.length;
    const sealing = this.keys
      .then(([subtle, seals]) => seal(subtle, seals, iv, bytes as Uint8Array<ArrayBuffer>))
      .catch((error: Error): undefined => this.fail(error));
    this.outgoing = this.outgoing.then(async () => {
      const message = await sealing;
      this.waitingBytes -= bytes.length;
      letGo(bytes.buffer);
      if (message && !this.isOver) this.parts.send(new Uint8Array(message));
    });
  }

  /** Resolves once what was sent so far was sealed and has gone to the other's end. */
  left(): Promise<void> {
    return this.outgoing;
  }

  /** From the other's end; the same. */
  take(message: Uint8Array<ArrayBuffer>): void {
    if (this.isOver) return;
    if (!this.keys) return this.begin(message);
    // A sealed message is longer, since a link carries no empty one.
    if (message.length === SALT_BYTES) {
      if (message.every((byte, i) => byte === this.theirs?.[i])) return;
      if (this.parts.calls) return this.parts.calls(message);
    }
    if (message.length < TAG_BYTES) return this.end('sent what no seal is on');
    const iv = counter(this.taken++);
    const opening = this.keys.then(([subtle, , opens]) => open(subtle, opens, iv, message));
    // It is waited for below.
    opening.catch(() => {});
    this.incoming = this.incoming.then(async () => {
      try {
        const bytes = new Uint8Array(await opening);
        letGo(message.buffer);
        if (!this.isOver) this.parts.opened(bytes);
      } catch (error) {
        if (!(error instanceof DOMException)) throw error;
        this.end(
          'sent what does not open with the key of this pool: it was changed or lost on its way, or has another code',
        );
      }
    });
  }

  private begin(theirs: Uint8Array): void {
    const { secret, salt, isAgain } = this.parts;
    if (isAgain && theirs.length !== SALT_BYTES) return;
    if (theirs.length !== SALT_BYTES || theirs.every((byte, i) => byte === salt[i]))
      return this.end('does not begin as a member of a pool does');
    this.theirs = theirs;
    this.keys = (async () => {
      const subtle = this.parts.subtle ?? (await subtleHere());
      return [subtle, await keyOf(subtle, secret, salt, theirs), await keyOf(subtle, secret, theirs, salt)] as const;
    })();
    this.keys.catch((error: Error) => this.fail(error));
    for (const bytes of this.early.splice(0)) this.send(bytes);
  }

  /** What follows would have the number of what was not sealed, and not open. */
  private fail({ message }: Error): undefined {
    this.end(`gets nothing from here any more: what this host says could not be sealed (${message})`);
  }

  end(why?: string): void {
    if (this.isOver) return;
    this.isOver = true;
    if (why !== undefined) this.parts.broken(why);
  }
}
