/**
 * The back end of a domain's PV console, what xenconsoled does: bytes out of the ring, typed bytes in.
 * Source: xen/include/public/io/console.h (struct xencons_interface); tools/console/daemon/io.c.
 */
import { joined } from '../../../formats/bytes/index.ts';
import type { Access, Mapping } from '../access.ts';
import { CONSOLE_PAGE as PAGE } from '../../../hypervisor/interfaces/xen/index.ts';

const { IN_BYTES, OUT, OUT_BYTES } = PAGE;
/** Typed bytes that wait for a guest that does not read; more is dropped, as a terminal's driver does. */
const MOST_TYPED = 64 * 1024;

export class PvConsole {
  private readonly access: Access;
  private readonly page: Mapping;
  private readonly port: number;
  private readonly onOutput: (bytes: Uint8Array) => void;
  /** Typed bytes that the guest has not got yet. */
  typed = new Uint8Array();

  /** @throws HostError where the domain has no such page or port. */
  constructor(access: Access, domid: number, gfn: number, remotePort: number, onOutput: (bytes: Uint8Array) => void) {
    this.access = access;
    this.onOutput = onOutput;
    this.page = access.mapForeign(domid, gfn);
    try {
      this.port = access.bindInterdomain(domid, remotePort, () => this.poll());
    } catch (error) {
      this.page.unmap();
      throw error;
    }
  }

  /** Bytes for the guest: they go into its ring as far as it has read, or (`isStill`) with the next `poll`: others may have a copy of that. */
  input(bytes: Uint8Array, isStill = false): void {
    this.typed = joined([this.typed, bytes.subarray(0, MOST_TYPED - this.typed.length)]);
    if (!isStill) this.poll();
  }

  /** Moves what can be moved; if it moved anything it notifies the guest, so that a writer that waits for room goes on. */
  poll(): void {
    const taken = this.take();
    if (this.give() || taken) this.access.send(this.port);
  }

  private take(): boolean {
    const { words, bytes } = this.page;
    const consumed = Atomics.load(words, PAGE.OUT_CONS);
    const count = (Atomics.load(words, PAGE.OUT_PROD) - consumed) >>> 0;
    // Indices that cannot be: nothing, until they can.
    if (count === 0 || count > OUT_BYTES) return false;
    const out = new Uint8Array(count);
    for (let i = 0; i < count; i++) out[i] = bytes[OUT + ((consumed + i) & (OUT_BYTES - 1))];
    Atomics.store(words, PAGE.OUT_CONS, (consumed + count) | 0);
    this.onOutput(out);
    return true;
  }

  private give(): boolean {
    const { words, bytes } = this.page;
    const produced = Atomics.load(words, PAGE.IN_PROD);
    const used = (produced - Atomics.load(words, PAGE.IN_CONS)) >>> 0;
    if (used > IN_BYTES) return false;
    const part = this.typed.subarray(0, IN_BYTES - used);
    part.forEach((byte, i) => (bytes[(produced + i) & (IN_BYTES - 1)] = byte));
    this.typed = this.typed.subarray(part.length);
    if (part.length > 0) Atomics.store(words, PAGE.IN_PROD, (produced + part.length) | 0);
    return part.length > 0;
  }

  /** Takes the guest's last words (but where `isStill`: they are another host's) and lets its page go. */
  close(isStill = false): void {
    if (!isStill) this.take();
    this.access.close(this.port);
    this.page.unmap();
  }
}
