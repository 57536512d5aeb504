/** Standard input and output of the process as a guest's console. */
import { writeSync } from 'node:fs';

const CTRL_RIGHT_BRACKET = 0x1d;

/** Writes all of it before it returns, also to a full pipe whose reader is slow. */
export class Output {
  private readonly fd: number;
  private readonly buffer = new Uint8Array(4096);
  private length = 0;
  /** The reader has gone: nothing more can be written. */
  broken = false;

  constructor(fd: number) {
    this.fd = fd;
  }

  readonly put = (byte: number): void => {
    this.buffer[this.length++] = byte;
    if (this.length === this.buffer.length) this.flush();
  };

  text(text: string): void {
    for (const byte of new TextEncoder().encode(text)) this.put(byte);
    this.flush();
  }

  flush(): void {
    let at = 0;
    while (at < this.length && !this.broken) {
      try {
        at += writeSync(this.fd, this.buffer, at, this.length - at);
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        // A pipe that someone made non-blocking: wait a little for its reader.
        if (code === 'EAGAIN') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
        else if (code !== 'EINTR') this.broken = true;
      }
    }
    this.length = 0;
  }
}

/** Keys typed at the terminal, or whatever comes through a pipe. */
export class Input {
  /** Nothing more will come. */
  ended = false;
  private readonly onData: (bytes: Uint8Array) => void;
  private readonly onLeave: () => void;
  private readonly onEnd: () => void;

  constructor(onData: (bytes: Uint8Array) => void, onLeave: () => void, onEnd: () => void) {
    this.onData = onData;
    this.onLeave = onLeave;
    this.onEnd = onEnd;
    const { stdin } = process;
    if (stdin.isTTY) stdin.setRawMode(true);
    stdin.on('data', this.data);
    stdin.on('end', this.end);
    stdin.on('error', this.end);
    // One before may have closed it.
    stdin.ref?.();
    stdin.resume();
  }

  private readonly data = (chunk: Buffer | string): void => {
    const bytes = typeof chunk === 'string' ? new TextEncoder().encode(chunk) : new Uint8Array(chunk);
    const leave = process.stdin.isTTY ? bytes.indexOf(CTRL_RIGHT_BRACKET) : -1;
    if (leave !== 0) this.onData(leave < 0 ? bytes : bytes.subarray(0, leave));
    if (leave >= 0) this.onLeave();
  };

  private readonly end = (): void => {
    this.ended = true;
    this.onEnd();
  };

  /** Gives the terminal back and lets the process end. */
  close(): void {
    const { stdin } = process;
    stdin.off('data', this.data);
    stdin.off('end', this.end);
    stdin.off('error', this.end);
    if (stdin.isTTY) stdin.setRawMode(false);
    stdin.pause();
    stdin.unref?.();
  }
}
