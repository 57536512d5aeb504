/** What a domain reports to the code that runs it. */
import type { ChannelTold, FolderRequest } from '../../devices/index.ts';
import type { BreakHit } from './break-points.ts';
import type { Ending } from './ending.ts';
import type { WaitsFor } from './waits.ts';

export interface DomainListener {
  serial(bytes: Uint8Array): void;
  /** Whole lines of the hypervisor's console, where that was asked for. */
  xenConsole?(lines: Uint8Array): void;
  /** Bytes of the debug ports, where those were asked for. */
  debug?(bytes: Uint8Array): void;
  ended(ending: Ending): void;
  /** Something of the host failed it, and it goes on: a sentence. */
  problem(sentence: string): void;
  /** It was started again after a reset of its own; `report` where a triple fault was the reason. */
  restarted(report?: string): void;
  /** Nothing of its own wakes it any more (`what`, with a report on where it is), or something has. */
  waits?(what: WaitsFor | undefined, report?: string): void;
  /** It has retired as many instructions as it was to, and is paused. */
  reached?(): void;
  /** It has come to where it was to stop, and is paused. */
  broke?(hit: BreakHit): void;
  /** It has come to the end of a step, and is paused. */
  stepped?(): void;
  /** It represents a frame of a domain, which is its own or has granted it, that is still on another host (memory/away-frames.ts). */
  away?(domid: number, gfn: number): void;
  /** A device asks for something in its folder (devices/virtio/nine-p.ts), and waits for the verb `folderAnswer`. */
  folder?(device: string, number: number, request: FolderRequest): void;
  /** Something has become of one of its channels (devices/virtio/console.ts). */
  channel?(name: string, told: ChannelTold): void;
  /** The guest has let go of what was in a PCI slot, and that is gone. */
  ejected?(slot: number): void;
  /** After a slice, where domains run on this thread: its counters and screen may have changed. */
  changed?(): void;
}
