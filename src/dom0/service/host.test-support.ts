/** A host for tests, on this thread; guests run by turns. */
import { InMemoryFs } from 'just-bash/browser';
import { onTestFinished, TestRunner } from 'vitest';
import type { NamedFile } from '../definitions/verdicts.ts';
import { KeptFiles } from '../host/files/index.ts';
import { createHost } from './create-host.ts';
import type { Host, HostParts } from './host.ts';
import { inTurns } from '../toolstack/runners/in-turns.ts';
import type { Later } from '../host/timers.ts';
import { later } from '../../hypervisor/worker/index.ts';
import { MemoryStore, type Store } from '../host/storage/index.ts';

export { later };
export const soon = (callback: () => void): void => void setImmediate(callback);
const hostMs = (): number => performance.now();

/**
 * Both for as long as the test that asks for them: guests that run on at its end would take the processor from all tests behind it. Outside of a test they
 * have no end.
 */
export function timersOfTest(): { soon: typeof soon; later: Later } {
  let isOver = false;
  if (TestRunner.getCurrentTest())
    onTestFinished(() => {
      isOver = true;
    });
  const living = (callback: () => void) => (): void => {
    if (!isOver) callback();
  };
  return { soon: callback => soon(living(callback)), later: (ms, callback) => later(ms, living(callback)) };
}

/**
 * Its memory is shared, as that of an isolated page is: V8 collects for each 64 MiB of buffers that are not (kExternalAllocationSoftLimit), which takes
 * longer than most tests of a host.
 */
export function testHost(parts: Partial<HostParts> = {}): Host {
  const timers = timersOfTest();
  return createHost({
    version: 'test',
    why: 'a test',
    memory: new SharedArrayBuffer(64 * 2 ** 20),
    runners: inTurns({ ...timers, hostMs, ...(parts.openMedium ? { openMedium: parts.openMedium } : {}) }),
    ...timers,
    hostMs,
    epochMs: () => Date.now(),
    ...parts,
  });
}

/** Its domains are made and never run. */
export function stillHost(parts: Partial<HostParts> = {}): Host {
  const still = { soon: () => {}, later: () => () => {} };
  return testHost({ runners: inTurns({ ...still, hostMs }), ...still, epochMs: () => 0, ...parts });
}

/** Domain 0's files; with the same store they are those of an earlier host. */
export const testFiles = (store: Store = new MemoryStore()): Promise<KeptFiles> =>
  KeptFiles.open(store, new InMemoryFs());

export const testFile = (name: string, data: string | Uint8Array): NamedFile => ({
  name,
  data: new Blob([data as BlobPart]),
});

/** Dots that the guest of writerKernel has shown from now on, one for each durable write. */
export async function dotsOf(host: Host, id: number): Promise<() => number> {
  const { console } = await host.consoles.view(id);
  let dots = 0;
  console.onmessage = ({ data }) => {
    if ('serial' in data) dots += data.serial.filter((byte: number) => byte === 0x2e).length;
  };
  return () => dots;
}

/** Resolves once `what` gives something. */
export async function until<T>(
  what: () => T | undefined | false | Promise<T | undefined | false>,
  seconds = 20,
): Promise<T> {
  for (let i = 0; i < seconds * 100; i++) {
    const value = await what();
    if (value) return value;
    await new Promise(resolve => setTimeout(resolve, 10));
  }
  throw new Error('it did not come');
}
