/**
 * npm run -s fuzz:rfb -- [--messages N] [--seed S] [--within SECONDS]
 *
 * Hostile clients of RFB: N messages (1,000,000 by default), malformed and nearly right, to the server of a guest's screen, with keys and pointers. It passes if
 * nothing is thrown, memory does not grow, the guest next to it runs on, and a client that keeps to the protocol is served meanwhile.
 */
import type { ByteChannel } from '../dom0/host/nbd/index.ts';
import { ByteSink, CLIENT, SECURITY, VERSION } from '../formats/rfb/index.ts';
import { fuzzClient, HostileClient, turn } from './fuzz/hostile-client.ts';
import { type Pick, picker } from './harness/pick.ts';
import { rfbGreeting, rfbMessage } from './fuzz/rfb/messages.ts';
import { RfbServer, screenOf } from '../cli/rfb/index.ts';

/** Messages of one client that go at once, before the guests have their turn, and of all of them before it leaves. */
const BATCH = 16,
  MOST_MESSAGES = 400;
/** Clients at a time, next to the one that behaves. */
const CLIENTS = 3;

/** The other end of a server's channel. */
class End implements ByteChannel {
  readonly waitingBytes = 0;
  /** Bytes that it was sent. */
  sent = 0;
  /** Messages that it has sent. */
  messages = 0;
  isClosed = false;
  private hear = (_bytes: Uint8Array<ArrayBuffer>): void => {};
  private closed = (_why?: string): void => {};

  send(bytes: Uint8Array): void {
    this.sent += bytes.length;
  }
  onDrained(): void {}
  listen(bytes: (bytes: Uint8Array<ArrayBuffer>) => void, closed: (why?: string) => void): void {
    this.hear = bytes;
    this.closed = closed;
  }
  pause(): void {}
  resume(): void {}
  close(): void {
    this.isClosed = true;
  }

  says(bytes: Uint8Array): void {
    if (!this.isClosed) this.hear(bytes.slice());
  }
  leaves(): void {
    if (!this.isClosed) this.closed();
    this.isClosed = true;
  }
}

const GREETING = new ByteSink().text(VERSION).u8(SECURITY.NONE).u8(1).taken();
const UPDATE = new ByteSink().u8(CLIENT.UPDATE_REQUEST).u8(0).u16(0).u16(0).u16(64).u16(64).taken();

class HostileViewers extends HostileClient {
  private server: RfbServer | undefined;
  private ends: End[] = [];
  /** The one that behaves. */
  private good = new End();
  private connections = 0;
  /** Bytes of those that behaved, of the last and of those before. */
  private before = 0;
  private atLastLook = 0;

  private get served(): number {
    return this.before + this.good.sent;
  }

  private connect(greeting: Uint8Array): End {
    const end = new End();
    this.connections++;
    this.server!.serve(end);
    end.says(greeting);
    return end;
  }

  /** All that are to be there are there: a guest, its server, the clients. */
  private async fresh(pick: Pick): Promise<void> {
    if (!this.server || !this.isThere) {
      this.leave();
      await this.freshGuest();
      const { toolstack } = this.host,
        id = this.guest;
      this.server = new RfbServer(
        screenOf(toolstack, { name: 'guest', epochMs: () => 0 }, () => toolstack.members.get(id)),
      );
    }
    this.ends = this.ends.filter(({ isClosed }) => !isClosed);
    while (this.ends.length < CLIENTS) this.ends.push(this.connect(rfbGreeting(pick)));
    // One of the others may have asked to be alone.
    if (this.good.isClosed || this.good.sent === 0) {
      this.before += this.good.sent;
      this.good = this.connect(GREETING);
    }
  }

  async round(messages: number): Promise<void> {
    const pick = picker(this.seed + messages + this.connections);
    for (let sent = 0; sent < messages; ) {
      await this.fresh(pick);
      const end = this.ends[pick(CLIENTS)]!;
      for (let i = 0; i < BATCH && sent < messages; i++, sent++, end.messages++) end.says(rfbMessage(pick));
      if (end.messages > MOST_MESSAGES) end.leaves();
      this.good.says(UPDATE);
      await turn();
    }
  }

  problem(): string | undefined {
    const isServed = this.served > this.atLastLook;
    this.atLastLook = this.served;
    return isServed ? undefined : 'the client that behaves gets nothing';
  }

  summary(): { text: string; answers: number } {
    return { text: `${this.connections} clients, ${this.served} bytes to those that behave`, answers: this.served };
  }

  leave(): void {
    for (const end of this.ends.splice(0)) end.leaves();
    this.server?.end();
    this.server = undefined;
  }
}

export const main = fuzzClient('rfb', seed => new HostileViewers(seed));
