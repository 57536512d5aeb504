/**
 * npm run -s fuzz:gdb -- [--messages N] [--seed S] [--within SECONDS]
 *
 * A hostile debugger: N messages (1,000,000 by default), malformed and nearly right, to the stub of a guest, which they step, run, write to and kill. It passes
 * if every answer is a whole packet, nothing is thrown, memory does not grow, and the guest next to it runs on.
 */
import { GdbStub } from '../dom0/toolstack/debugger/index.ts';
import { gdbPacket, PacketReader } from '../formats/gdb/index.ts';
import { gdbMessage } from './fuzz/gdb/messages.ts';
import { fuzzClient, HostileClient, turn } from './fuzz/hostile-client.ts';
import { picker } from './harness/pick.ts';

/** Messages that go at once, before the guests have their turn. */
const BATCH = 16;
const LONGEST_ANSWER = 0x8000;

class HostileDebugger extends HostileClient {
  private stub: GdbStub | undefined;
  private answers = 0;
  /** What is no packet among them. */
  private bad = 0;

  private async fresh(): Promise<GdbStub> {
    this.stub?.end();
    await this.freshGuest();
    const reader = new PacketReader(LONGEST_ANSWER);
    const stub: GdbStub = new GdbStub(this.host.toolstack, this.host.domains.member(this.guest), {
      send: bytes => {
        for (const { kind } of reader.push(bytes)) {
          if (kind === 'packet') this.answers++;
          else if (kind === 'bad') this.bad++;
        }
      },
      close: () => {
        stub.end();
        if (this.stub === stub) this.stub = undefined;
      },
    });
    await stub.begin();
    this.stub = stub;
    return stub;
  }

  async round(messages: number): Promise<void> {
    const pick = picker(this.seed + messages + this.answers);
    for (let sent = 0; sent < messages; ) {
      const stub = this.stub && this.isThere ? this.stub : await this.fresh();
      for (let i = 0; i < BATCH && sent < messages; i++, sent++) stub.receive(gdbMessage(pick));
      await turn();
      // It may run: its debugger wants it back. And half a packet is ended.
      stub.receive(Uint8Array.of(...gdbPacket(new Uint8Array(0)), 3));
      await turn();
    }
  }

  problem(): string | undefined {
    return this.bad > 0 ? 'an answer was no packet' : undefined;
  }

  summary(): { text: string; answers: number } {
    return { text: `${this.answers} answers`, answers: this.answers };
  }

  leave(): void {
    this.stub?.end();
  }
}

export const main = fuzzClient('gdb', seed => new HostileDebugger(seed));
