/** How a domain in a worker of its own is reached: mailbox, rings of frames, messages. */
export { wireOf } from './frame-ring.ts';
export { holdLifeLock } from './life-lock.ts';
export { ringDoorbell, ringStorage } from './doorbell.ts';
export { findOwner, type Owner } from './owner.ts';
export { functionOrScript } from './scripts.ts';
export { later, sharedMs } from './shared-clock.ts';
export { beats, callDead, liveWorker, workerBegins } from './worker-life.ts';
export { makeSoon } from './make-soon.ts';
