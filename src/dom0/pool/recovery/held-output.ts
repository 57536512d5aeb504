/**
 * What a guest sends waits before the bridge until the checkpoint is safe that has the moment at which it was sent: nobody hears of what could be lost. Source: the
 * network buffer of Remus (Cully and others, NSDI 2008, 3.5), in Linux net/sched/sch_plug.c.
 */
import type { BridgePort, Frame } from '../../host/network/index.ts';
import type { Guest, Uses } from '../../toolstack/index.ts';

/** More is lost, as from any queue that is full. */
const MOST_BYTES = 4 * 2 ** 20;

interface Held {
  port: BridgePort;
  frame: Frame;
}

export class HeldOutput {
  private readonly host: Uses<'toolstack'>;
  private readonly unplug: () => void;
  /** Before the moment of the last checkpoint, and since. */
  private before: Held[] = [];
  private since: Held[] = [];
  private bytes = 0;

  /** Of all its cards, also of those that it gets later. */
  constructor(host: Uses<'toolstack'>, { record }: Guest) {
    this.host = host;
    const cards = `vif${record.id}.`;
    this.unplug = host.toolstack.services.network.bridge.plug((frame, port) => {
      if (!port.name.startsWith(cards)) return false;
      this.put({ frame, port });
      return true;
    });
  }

  private put(held: Held): void {
    const { length } = held.frame.bytes;
    if (this.bytes + length > MOST_BYTES) return;
    this.bytes += length;
    this.since.push(held);
  }

  /** The guest is paused for a checkpoint: what was sent before waits for that one. */
  cut(): void {
    this.before.push(...this.since);
    this.since = [];
  }

  /** The checkpoint is safe. */
  release(): void {
    const { before, host } = this;
    this.before = [];
    this.bytes = this.since.reduce((sum, { frame }) => sum + frame.bytes.length, 0);
    for (const { port, frame } of before) port.admit(frame);
    if (before.length > 0) host.toolstack.wakeDomain0();
  }

  /** Nothing is held any more. */
  end(): void {
    this.unplug();
    this.cut();
    this.release();
  }

  /** Another host has the guest: what is held was never sent. */
  drop(): void {
    this.unplug();
    this.before = this.since = [];
  }
}
