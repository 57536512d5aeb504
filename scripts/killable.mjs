/** Processes of `ringside` that are killed while they work. */
import { spawn } from 'node:child_process';
import { at } from './lib.mjs';

/** The first thing that is awaited takes at most this long. */
const FIRST_MS = 900_000;

export const sleep = ms => new Promise(resolve => setTimeout(resolve, ms));

/** Whole numbers from 0 to below − 1; the same seed draws the same ones. */
export function drawFrom(seed) {
  let state = seed;
  return below => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) % below;
}

/** @throws Error with what `why` says where `what` does not come true */
export async function until(what, why) {
  for (let waited = 0; waited < FIRST_MS; waited += 20) {
    if (await what()) return;
    await sleep(20);
  }
  throw new Error(await why());
}

/** `ringside ARGS…`: what it has printed, its end, and how it is killed. */
export function start(...args) {
  const child = spawn(process.execPath, [at('bin', 'ringside.mjs'), ...args], { stdio: 'pipe' });
  const seen = { out: '', err: '' };
  child.stdout.on('data', data => (seen.out += data));
  child.stderr.on('data', data => (seen.err += data));
  // It may be gone before it has read all that was typed.
  child.stdin.on('error', () => {});
  const ended = new Promise(resolve => child.on('close', resolve));
  return { child, seen, ended, kill: async () => (child.kill('SIGKILL'), await ended) };
}
