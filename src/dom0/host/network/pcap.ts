/**
 * What `tcpdump -w` writes: a pcap file of the frames that pass a bridge or one of its ports.
 * Source: draft-ietf-opsawg-pcap (classic pcap, nanoseconds, LINKTYPE_ETHERNET).
 */
import type { Bridge, BridgePort } from './bridge.ts';
import { finish, type Frame } from './frame.ts';

const MAGIC_NANOSECONDS = 0xa1b23c4d,
  LINKTYPE_ETHERNET = 1;
const SNAPLEN = 262144;

export class PcapWriter {
  private readonly write: (bytes: Uint8Array) => void;
  packets = 0;

  /** `write` gets the file's head at once, then each packet. */
  constructor(write: (bytes: Uint8Array) => void) {
    this.write = write;
    const head = new DataView(new ArrayBuffer(24));
    head.setUint32(0, MAGIC_NANOSECONDS, true);
    head.setUint16(4, 2, true);
    head.setUint16(6, 4, true);
    head.setUint32(16, SNAPLEN, true);
    head.setUint32(20, LINKTYPE_ETHERNET, true);
    write(new Uint8Array(head.buffer));
  }

  /** `epochNs`: nanoseconds since 1970; a number holds them to some hundred. */
  packet(frame: Uint8Array, epochNs: number): void {
    const seconds = Math.floor(epochNs / 1e9);
    const record = new Uint8Array(16 + frame.length);
    const view = new DataView(record.buffer);
    view.setUint32(0, seconds, true);
    view.setUint32(4, Math.floor(epochNs - seconds * 1e9), true);
    view.setUint32(8, frame.length, true);
    view.setUint32(12, frame.length, true);
    record.set(frame, 16);
    this.packets++;
    this.write(record);
  }
}

/**
 * Captures what passes `port`, or what comes into the bridge at any port. What a sender has left for later is done, so that readers see right checksums.
 * The result ends it.
 */
export function capture(
  bridge: Bridge,
  port: BridgePort | undefined,
  epochNs: () => number,
  write: (bytes: Uint8Array) => void,
): { writer: PcapWriter; stop: () => void } {
  const writer = new PcapWriter(write);
  const stop = bridge.tap((frame: Frame, at, direction) => {
    if (port ? at !== port : direction !== 'in') return;
    for (const bytes of finish(frame)) writer.packet(bytes, epochNs());
  });
  return { writer, stop };
}
