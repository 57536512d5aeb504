/** A device model that runs elsewhere than next to the domain's processor, as the domain uses it. How it is reached, the guest's interface knows. */
import type { ExitInfo } from '../../cpu/architecture/index.ts';
import type { ModelSignals } from '../../devices/index.ts';
import type { A20Gate } from '../memory/a20.ts';
import type { FirmwareMap } from '../memory/firmware-map.ts';
import type { VideoFrames } from '../memory/video-memory.ts';

/** The domain whose devices they are. */
export interface ModelledDomain {
  readonly map: {
    readonly firmware: FirmwareMap | undefined;
    readonly video: VideoFrames | undefined;
    readonly a20: A20Gate;
  };
  readonly power: { askReset(kind: 'board'): void; debugExit(value: number): void };
}

/** What it may change of the machine. */
export interface ModelTargets {
  signals: ModelSignals;
  shadow(base: number, length: number, readsRam: boolean, writesRam: boolean): void;
  a20(open: boolean): void;
  /** The guest sees the frame buffer at a guest-physical address; -1: nowhere. */
  videoAt(address: number): void;
  /** Marks pages of the frame buffer that were written since the last look, a byte a page. */
  look(dirty: Uint8Array): void;
  reset(): void;
  debugExit(value: number): void;
}

export interface ModelElsewhere {
  /** A vCPU waits for a response. */
  readonly waiting: boolean;
  /** What it said comes into effect. Call before the guest runs. */
  service(): void;
  /** The port access of the current exit becomes a request; how many bytes it carries. */
  port(): number;
  /** The memory access of the current exit becomes a request. */
  memory(): void;
  /** A write that nobody waits for. False: it is to be a request. */
  writeBuffered(exit: ExitInfo): boolean;
  /** The current vCPU's instruction gets what it waited for. */
  complete(): void;
  /** Brings what was answered to its instructions without running the guest, to save it. False: a response has not come yet. */
  settle(): boolean;
}
