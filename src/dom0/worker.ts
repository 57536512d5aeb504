/** Entry of Domain 0's worker: the host behind comlink, with the clocks, timers and workers of this browser. */
import './atomics.ts';
import * as Comlink from 'comlink';
import metadata from '../../package.json' with { type: 'json' };
import { apiOf, type HostApi } from './api.ts';
import { openBlob, readBlobHere } from '../hypervisor/index.ts';
import { holdLifeLock } from '../hypervisor/worker/index.ts';
import { createHost, type Host } from './host.ts';
import { inWorkers, type WorkerLike } from './runner-worker.ts';
import { COMMANDS } from './toolstack/commands/index.ts';
import type { Watching } from './worker-watch.ts';
import type { Later } from './runner.ts';

const MIB = 2 ** 20;

const later: Later = (ms, callback) => {
  const timer = setTimeout(callback, ms);
  return () => clearTimeout(timer);
};

/** After the event loop had its turn, without the 4 ms that nested timers cost. */
function makeSoon(): (callback: () => void) => void {
  const { port1, port2 } = new MessageChannel();
  const waiting: (() => void)[] = [];
  port1.onmessage = () => waiting.shift()?.();
  return callback => {
    waiting.push(callback);
    port2.postMessage(null);
  };
}

/** MiB of machine memory: half of what the device says it has, and what it lets us have. */
function sizes(): number[] {
  const gib = (navigator as { deviceMemory?: number }).deviceMemory ?? 4;
  return [2047, 1024, 512, 256, 128].filter(mib => mib <= gib * 512);
}

function makeMemory(shared: boolean): SharedArrayBuffer | ArrayBuffer {
  for (const mib of sizes()) {
    try {
      return shared ? new SharedArrayBuffer(mib * MIB) : new ArrayBuffer(mib * MIB);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  }
  throw new Error('This browser does not give 128 MiB of memory to a page. Close other tabs and load it again.');
}

/** Web Locks are of all pages of a site: a name of this host's own, and the domains' workers counted. */
const lockPrefix = `ringside-${Math.random().toString(36).slice(2)}${Math.random().toString(36).slice(2)}`;
let spawned = 0;
const held = holdLifeLock(lockPrefix);

function spawn(): WorkerLike {
  return new Worker(new URL('../hypervisor/worker/worker.ts', import.meta.url), { type: 'module', name: `${lockPrefix}-${++spawned}` }) as unknown as WorkerLike;
}

/** How they are watched, where there are Web Locks. */
function watching(): { watching?: Watching } {
  const { locks } = navigator as { locks?: LockManager };
  if (!locks) return {};
  return {
    watching: {
      spawn: () => new Worker(new URL('../hypervisor/worker/watch.ts', import.meta.url), { type: 'module', name: `${lockPrefix}-watch-${++spawned}` }) as unknown as WorkerLike,
      whenFree: (lock, then) => void locks.request(lock, () => then()),
    },
  };
}

const shared = typeof SharedArrayBuffer !== 'undefined' && (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated !== false;
const hostMs = (): number => performance.timeOrigin + performance.now();
const openMedium = openBlob(readBlobHere);
const soon = makeSoon();

/** What runs domains here, a processor with it, is loaded only where they have no workers of their own. */
async function start(): Promise<Host> {
  const runners = shared
    ? inWorkers({ spawn, later, hostMs, endsSilently: true, ...watching() })
    : (await import('./runner-local.ts')).inTurns({ soon, later, hostMs, openMedium });
  return createHost({
    version: metadata.version,
    memory: makeMemory(shared),
    runners,
    ...(shared ? {} : { why: 'This browser or server does not allow SharedArrayBuffer, so all domains share one worker: they run in turns, and slower.' }),
    soon,
    later,
    fetchBytes: async url => {
      const answer = await fetch(url);
      if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
      return new Uint8Array(await answer.arrayBuffer());
    },
    openMedium,
    hostMs,
    // One core stays for the page and for Domain 0.
    pcpus: shared ? Math.max(1, (navigator.hardwareConcurrency ?? 2) - 1) : 1,
    epochMs: () => Date.now(),
    seed: crypto.getRandomValues(new Uint32Array(1))[0]!,
  });
}

const host = start();
const api: HostApi = {
  ...apiOf(host, COMMANDS),
  alive: async () => {
    await host;
    return held;
  },
  view: async id => {
    const view = await (await host).view(id);
    return Comlink.transfer(view, [view.console]);
  },
};
Comlink.expose(api);
