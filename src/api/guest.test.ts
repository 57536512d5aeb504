import { expect, it } from 'vitest';
import { SCREEN } from '../hypervisor/layout/index.ts';
import { GuestOfHost } from './guest.ts';
import type { HostCalls } from './host-calls.ts';

const TEXT = 1;

it('takes no picture of a screen while its guest changes it', async () => {
  const memory = new SharedArrayBuffer(1 << 20);
  const words = new Int32Array(memory),
    cells = new Uint16Array(memory, SCREEN.DATA * 4);
  [words[SCREEN.SEQUENCE], words[SCREEN.MODE], words[SCREEN.WIDTH], words[SCREEN.HEIGHT]] = [1, TEXT, 4, 1];
  cells.set([...'ol  '].map(character => character.charCodeAt(0)));
  const calls = {
    domains: () => [{ id: 1, name: 'mine', hasScreen: true }],
    api: { view: async () => ({ memory, screenOffset: 0, console: { close: () => {} } }) },
    later: (_ms: number, callback: () => void) => {
      cells.set([...'new '].map(character => character.charCodeAt(0)));
      words[SCREEN.SEQUENCE]++;
      callback();
      return () => {};
    },
  } as unknown as HostCalls;
  expect((await new GuestOfHost(calls, 'mine').screen()).text).toBe('new \n');
});
