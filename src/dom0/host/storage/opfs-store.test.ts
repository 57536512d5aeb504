import { DeviceFull } from '../../../formats/blocks/index.ts';
import { describe, expect, it } from 'vitest';
import { type AccessHandle, OpfsStore } from './opfs-store.ts';

/** An access handle with a limit, as browsers' are. */
class Handle implements AccessHandle {
  bytes = new Uint8Array(0);
  limit = 100;

  getSize(): number {
    return this.bytes.length;
  }
  read(into: Uint8Array, { at }: { at: number }): number {
    // Half of it at a time: callers ask again.
    const part = this.bytes.subarray(at, at + Math.max(1, into.length >> 1));
    into.set(part.subarray(0, into.length));
    return Math.min(part.length, into.length);
  }
  write(from: Uint8Array, { at }: { at: number }): number {
    const part = from.subarray(0, Math.max(1, from.length >> 1));
    if (at + part.length > this.bytes.length) this.truncate(at + part.length);
    this.bytes.set(part, at);
    return part.length;
  }
  truncate(bytes: number): void {
    if (bytes > this.limit) throw new DOMException('No capacity available for this operation', 'QuotaExceededError');
    const old = this.bytes.subarray(0, bytes);
    this.bytes = new Uint8Array(bytes);
    this.bytes.set(old);
  }
  flush(): void {}
  close(): void {}
}

const storeOf = (handle: AccessHandle, refusals = 0): OpfsStore => {
  let left = refusals;
  const createSyncAccessHandle = async (): Promise<AccessHandle> => {
    if (left-- > 0)
      throw new DOMException('Access Handles cannot be created if there is another open', 'NoModificationAllowedError');
    return handle;
  };
  return new OpfsStore({
    directory: { getFileHandle: async () => ({ createSyncAccessHandle }) },
    sleep: async () => {},
  });
};

describe("a store in a browser's files", () => {
  it('writes and reads all of it, also where the browser does a part at a time; past the end are zeros', async () => {
    const file = await storeOf(new Handle()).open('a');
    file.write(3, Uint8Array.of(1, 2, 3, 4, 5, 6, 7));
    const found = new Uint8Array(12).fill(9);
    file.read(0, found);
    expect([...found]).toEqual([0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 0, 0]);
  });

  it('tells a full quota from a file that cannot be written', async () => {
    const handle = new Handle();
    const file = await storeOf(handle).open('a');
    expect(() => file.write(0, new Uint8Array(200))).toThrow(DeviceFull);
    expect(() => file.truncate(200)).toThrow(DeviceFull);
    handle.truncate = () => {
      throw new DOMException('closed', 'InvalidStateError');
    };
    expect(() => file.truncate(1)).toThrow('closed');
    expect(() => file.truncate(1)).not.toThrow(DeviceFull);
  });

  it('finds out that there is no room where a browser does not throw', async () => {
    const handle = new Handle();
    const file = await storeOf(handle).open('a');
    handle.write = () => 2 ** 32 - 8;
    handle.truncate = () => {};
    expect(() => file.write(0, new Uint8Array(9))).toThrow(DeviceFull);
    expect(() => file.truncate(9)).toThrow(DeviceFull);
    expect(file.bytes).toBe(0);
  });

  it('waits for a worker that ended and has the file for a moment on, and not for ever', async () => {
    expect((await storeOf(new Handle(), 3).open('a')).bytes).toBe(0);
    await expect(storeOf(new Handle(), 1000).open('a')).rejects.toThrow('another open');
  });
});
