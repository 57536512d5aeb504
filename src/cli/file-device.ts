/** A file of this machine as a device: what is written is in it at once, and durable with a flush. */
import { closeSync, fstatSync, fsyncSync, ftruncateSync, readSync, writeSync } from 'node:fs';
import { DeviceFull, ImmediateDevice } from '../formats/blocks/index.ts';
import type { GrowingFile } from '../formats/qcow2/index.ts';
import { IO_HOP, passes } from '../hypervisor/tracing/index.ts';

export class FileDevice extends ImmediateDevice implements GrowingFile {
  private length: number;
  private readonly fd: number;

  constructor(fd: number, writes: boolean) {
    super({ readOnly: !writes });
    this.fd = fd;
    this.length = fstatSync(fd).size;
  }

  get bytes(): number {
    return this.length;
  }

  private whole(length: number, move: (from: number) => number): void {
    for (let at = 0; at < length; ) {
      const count = move(at);
      if (count <= 0) throw new Error('The file has become shorter.');
      at += count;
    }
  }

  read(at: number, into: Uint8Array): void {
    passes(IO_HOP.FILE, at, into.length);
    this.whole(into.length, from => readSync(this.fd, into, from, into.length - from, at + from));
  }

  override write(at: number, bytes: Uint8Array): void {
    passes(IO_HOP.FILE, at, bytes.length);
    fullAs(() => this.whole(bytes.length, from => writeSync(this.fd, bytes, from, bytes.length - from, at + from)));
  }

  override flush(): void {
    fullAs(() => fsyncSync(this.fd));
  }

  close(): void {
    closeSync(this.fd);
  }

  grow(bytes: number): void {
    if (bytes <= this.length) return;
    this.resize(bytes);
  }

  override resize(bytes: number): void {
    fullAs(() => ftruncateSync(this.fd, bytes));
    this.length = bytes;
  }
}

/** A guest waits for room on a full disk. @throws DeviceFull, or what `work` throws */
function fullAs(work: () => void): void {
  try {
    work();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw code === 'ENOSPC' || code === 'EDQUOT' ? new DeviceFull(message) : error;
  }
}
