/**
 * The hypervisor's console ring, which `xl dmesg` shows. Source: printk() and its levels in xen/drivers/char/console.c; thresholds of a build without
 * debugging, as docs/misc/xen-command-line has loglvl and guest_loglvl.
 */

/** From the gravest on. */
export const LOG_LEVELS = ['error', 'warning', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Levels that are printed: this many of LOG_LEVELS. */
export type Threshold = 0 | 1 | 2 | 3 | 4;

/** conring_size, 16 KiB at first, 32 once there are many processors. */
const RING_BYTES = 32 * 1024;
const PREFIX = '(XEN) ';

export class HypervisorLog {
  /** What Xen itself prints: errors and warnings at first. */
  threshold: Threshold = 2;
  /** What guests print there, by console_io, port 0xE9 or for their faults. */
  guestThreshold: Threshold = 2;
  /** Hears of each line. */
  onLine: ((line: string) => void) | undefined;
  private lines: string[] = [];
  private bytes = 0;

  /** A line of Xen's own. */
  print(level: LogLevel, text: string): void {
    if (LOG_LEVELS.indexOf(level) < this.threshold) this.keep(`${PREFIX}${text}`);
  }

  /** What guests write is kept. What they write has the level debug, as in Xen. */
  get wantsGuests(): boolean {
    return this.guestThreshold === LOG_LEVELS.length;
  }

  /** Whole lines that a guest or Xen's part of it printed; they may have the prefix. */
  guest(lines: string): void {
    if (!this.wantsGuests) return;
    for (const line of lines.split('\n'))
      if (line !== '') this.keep(line.startsWith(PREFIX) ? line : `${PREFIX}${line}`);
  }

  /** All that is kept, the oldest first. */
  get text(): string {
    return this.lines.map(line => `${line}\n`).join('');
  }

  /** xl dmesg -c. */
  clear(): void {
    this.lines = [];
    this.bytes = 0;
  }

  private keep(line: string): void {
    this.lines.push(line);
    this.onLine?.(line);
    this.bytes += line.length + 1;
    while (this.bytes > RING_BYTES) this.bytes -= this.lines.shift()!.length + 1;
  }
}
