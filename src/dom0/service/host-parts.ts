/** What a host is handed: its memory and hypervisor, clocks, where domains run, files and disk. */
import type { OpenMedium } from '../../hypervisor/index.ts';
import type { AllowedFiles, HostFiles } from '../host/files/index.ts';
import type { StateInfo } from '../host/state/index.ts';
import type { Storage } from '../host/storage/index.ts';
import type { Neighbours } from '../pool/index.ts';
import type { ClockService, CommandHost, ConsoleService, ToolstackParts } from '../toolstack/index.ts';
import type { VirtualTime } from './virtual-time.ts';

export interface HostParts
  extends Omit<ToolstackParts, 'hostMs' | 'openMedium'>,
    Pick<CommandHost['parts'], 'sockets' | 'ways'>,
    Pick<ClockService, 'upMs'>,
    Pick<ConsoleService, 'serveScreen' | 'showScreenTo'> {
  hostMs: () => number;
  /** Domains run in virtual time, whose rounds and inputs this knows; `hostMs` is for people then. */
  virtual?: VirtualTime;
  /** Why domains share this worker, where they do: what is missing. */
  why?: string;
  /** Throws a sentence. */
  fetchBytes?: (url: string) => Promise<Uint8Array>;
  /** The host's disk, opened at the first call; absent: it has none. */
  storage?: () => Promise<Storage>;
  /** Where files and disk are now, where that can change. */
  stateInfo?: () => Promise<StateInfo>;
  /** Files cannot be read a piece at a time here: those in drives are read whole. */
  readsWhole?: boolean;
  /** Domain 0's files; absent: it has none, and what needs them is refused. */
  files?: HostFiles;
  /** The task log is not what opens the files: it is written from then on. */
  logsAfter?: Promise<void>;
  openMedium?: OpenMedium;
  /** Files of the machine beneath that it may have next to Domain 0's; `files` has them, too. */
  allowed?: AllowedFiles | undefined;
  /** Other hosts, to which domains can go and from which they come; absent: there are none. */
  neighbours?: Neighbours;
}
