import { describe, expect, it } from 'vitest';
import { WriteLog } from './write-log.ts';

const write = (at: number, bytes: number) => ({ op: 'write' as const, at, pieces: [new Uint8Array(bytes)] });

describe('what of a device has yet to be copied', () => {
  it('is each chunk of which a byte was written, in runs, and the last as far as the device goes', () => {
    const log = new WriteLog(10_000, 4096);
    log.mark(4095, 2);
    log.mark(9000, 1000);
    expect(log.left).toBe(3);
    expect(log.take(8192)).toEqual({ at: 0, bytes: 8192 });
    // Written again while it is copied.
    log.mark(0, 1);
    expect(log.take(8192)).toEqual({ at: 8192, bytes: 1808 });
    expect(log.take(8192)).toEqual({ at: 0, bytes: 4096 });
    expect([log.take(8192), log.left]).toEqual([undefined, 0]);
  });

  it('has whoever writes wait for twice as much to be copied, where too much is left', () => {
    const log = new WriteLog(1 << 20, 4096);
    const told: number[] = [];
    log.limit(1);
    for (const chunk of [0, 1, 2, 3]) log.ended(write(chunk * 4096, 4096), () => told.push(chunk));
    log.ended({ op: 'read', at: 0, pieces: [] }, () => told.push(100));
    expect(told).toEqual([0, 100]);
    log.copied(log.take(8192)!.bytes);
    expect(told).toEqual([0, 100, 1]);
    log.copied(log.take(4096)!.bytes);
    // One is left: nobody waits any more.
    expect(told).toEqual([0, 100, 1, 2, 3]);
  });

  it('lets all go at its end, and never keeps who can do nothing else meanwhile', () => {
    const log = new WriteLog(1 << 20, 4096);
    const told: string[] = [];
    log.limit(0);
    log.ended(write(0, 4096), () => told.push('held'));
    log.ended({ ...write(4096, 4096), waits: true }, () => told.push('waits'));
    expect(told).toEqual(['waits']);
    log.end();
    expect(told).toEqual(['waits', 'held']);
  });
});
