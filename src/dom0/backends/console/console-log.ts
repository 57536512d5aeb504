/** What a guest shows, in a file that outlives it: what xenconsoled keeps in XEN_LOG_DIR/console with --log=guest (tools/console/daemon/io.c). */
import { joined } from '../../../formats/bytes/index.ts';
import { type HostFiles, LOG_BYTES, LogFile } from '../../host/files/index.ts';
import type { Later } from '../../host/index.ts';

const FOLDER = '/var/log/xen/console';
/** What a guest shows comes into the file so much later, at most. */
const DELAY_MS = 2000;

/** Of a domain by its name when it was built. */
export const consoleLogPath = (name: string): string => `${FOLDER}/guest-${name.replaceAll('/', '_')}.log`;

export class ConsoleLog {
  private readonly file: LogFile;
  private readonly later: Later;
  private waiting: Uint8Array[] = [];
  private waitingBytes = 0;
  private cancel: (() => void) | undefined;

  constructor(files: HostFiles, name: string, later: Later) {
    this.file = new LogFile(files, consoleLogPath(name));
    this.later = later;
  }

  add(bytes: Uint8Array): void {
    this.waiting.push(bytes);
    this.waitingBytes += bytes.length;
    // A guest that shows more than the file takes loses what is oldest.
    while (this.waitingBytes > LOG_BYTES && this.waiting.length > 1) this.waitingBytes -= this.waiting.shift()!.length;
    this.cancel ??= this.later(DELAY_MS, () => void this.flush());
  }

  /** Writes what waits; it is there then. */
  flush(): Promise<void> {
    this.cancel?.();
    this.cancel = undefined;
    if (this.waitingBytes === 0) return this.file.written();
    const all = joined(this.waiting);
    this.waiting = [];
    this.waitingBytes = 0;
    this.file.append(all);
    return this.file.written();
  }
}
