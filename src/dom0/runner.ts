/** What the toolstack can do to a domain that exists, wherever it runs: in a worker of its own, or beside others in this one. */
import type { Ending, MouseMove } from '../hypervisor/index.ts';

/** What a domain says. */
export interface DomainListener {
  serial(bytes: Uint8Array): void;
  /** Whole lines of the hypervisor's console, where that was asked for. */
  xenConsole?(lines: Uint8Array): void;
  ended(ending: Ending): void;
  /** Something of the host failed it, and it goes on. */
  problem(sentence: string): void;
  /** It was started again; `report` where a triple fault was the reason. */
  restarted(report?: string): void;
  /** Single-worker mode: its counters and screen may have changed. */
  changed?(): void;
}

export interface DomainRunner {
  /** Says what was loaded once the domain runs; rejects with a sentence when it cannot be built. */
  readonly started: Promise<string>;
  setPaused(paused: boolean): void;
  reset(): void;
  pressPowerButton(): void;
  /** A guest of Xen that has suspended itself goes on. */
  resume(): void;
  serial(bytes: Uint8Array): void;
  key(code: string, down: boolean): void;
  mouse(move: MouseMove): void;
  save(): Promise<Uint8Array[]>;
  /** Resolves when nothing of the domain touches machine memory any more. */
  destroy(): Promise<void>;
}

/** Calls back later; the result takes it back. */
export type Later = (ms: number, callback: () => void) => () => void;
