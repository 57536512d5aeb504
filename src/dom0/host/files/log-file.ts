/** A log in Domain 0's files: new lines are appended, and of a long one an older half is put aside, as `PATH.1`. */
import type { HostFiles } from './host-files.ts';

/** Of each of the two files, about. */
export const LOG_BYTES = 64 * 1024;

export class LogFile {
  private readonly files: HostFiles;
  private readonly path: string;
  /** What is added comes there one after the other. */
  private last: Promise<void>;

  /** `after`: nothing is written before. */
  constructor(files: HostFiles, path: string, after: Promise<void> = Promise.resolve()) {
    this.files = files;
    this.path = path;
    this.last = after;
  }

  /** A log that cannot be written hinders nobody: what does not come there is lost. */
  append(what: string | Uint8Array): void {
    const { files, path } = this;
    this.last = this.last
      .then(async () => {
        const bytes = await files.stat(path).then(
          ({ size }) => size,
          () => 0,
        );
        if (bytes > LOG_BYTES) {
          await files.writeFile(`${path}.1`, await files.readFileBuffer(path));
          await files.rm(path);
        }
        await files.appendFile(path, what);
      })
      .catch(() => {});
  }

  /** All that was added before is there. */
  written(): Promise<void> {
    return this.last;
  }
}
