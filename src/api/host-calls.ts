/** What the package's interface is built on: Domain 0 as the page asks it, wherever it runs. */
import type { ApiOf, DomainInfo, Task } from '../dom0/service/index.ts';
import type { COMMANDS } from '../dom0/toolstack/commands/index.ts';
import type { Ran } from './types.ts';

export type Domain0 = ApiOf<typeof COMMANDS>;

/** What the place brings where the host runs. */
export interface Place {
  api: Domain0;
  /** Calls back after some milliseconds; the result takes it back. */
  later(ms: number, callback: () => void): () => void;
  /** Domain 0's shell. */
  run(line: string): Promise<Ran>;
  /** @throws Error with a sentence */
  readFile(path: string): Promise<Uint8Array>;
  writeFile(path: string, bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

export type Listener = (domains: readonly DomainInfo[], tasks: readonly Task[]) => void;

/** What a guest of the interface asks. */
export interface HostCalls extends Pick<Place, 'api' | 'later'> {
  /** As they were reported last. */
  domains(): readonly DomainInfo[];
  /** Called whenever they change; the result takes it back. */
  onDomains(listener: Listener): () => void;
}
