import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createHost } from './package.ts';
import type { Host, HostEvent, HostOptions } from '../api/index.ts';

const SMALL: HostOptions = { pcpus: 1, memoryMiB: 96, vt: true };
const DEFINITION = 'name = "mine"\nkernel = "/boot/minipv"\ntype = "pvh"\nmemory = 16\n';
const PROMPT = 'minipv> ';

const open: Host[] = [];
const host = async (options: HostOptions = {}): Promise<Host> => {
  const made = await createHost({ ...SMALL, ...options });
  open.push(made);
  return made;
};
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

describe('a host of the package', () => {
  it('starts a guest, types at it and reads what it says', async () => {
    const guest = await (await host()).start('minipv-pvh');
    expect(await guest.waitFor(PROMPT)).toContain('minipv as PVH');
    await guest.type('help\r');
    expect(await guest.waitFor(/help[^]*minipv> $/)).toContain('xenstore');
    // A pattern that remembers where it was is looked for in all of it, each time.
    const prompt = /minipv as/g;
    for (let n = 0; n < 2; n++) expect(await guest.waitFor(prompt, 5000)).toContain('minipv as PVH');
    expect(await guest.info()).toMatchObject({ name: 'minipv-pvh', type: 'pvh', memoryMiB: 16, vcpus: 1 });
  });

  it('keeps a definition, takes a snapshot and goes back to it', async () => {
    const here = await host();
    expect(await here.define('/etc/xen/vm/mine', DEFINITION)).toBe('mine');
    const guest = await here.start('mine');
    await guest.waitFor(PROMPT);
    expect(await guest.snapshot('ready', 'At its prompt')).toMatchObject({
      name: 'ready',
      description: 'At its prompt',
    });
    await guest.destroy();
    await expect(guest.info()).rejects.toThrow('There is no guest mine at this host');
    await guest.revert('ready');
    await guest.type('\r');
    expect((await guest.waitFor(/minipv> [^]*minipv> /)).length).toBeGreaterThan(0);
    expect((await guest.snapshots()).map(({ name }) => name)).toEqual(['ready']);
  });

  it('makes a guest of files alone', async () => {
    const here = await host();
    const kernel = await here.readFile('/boot/minipv');
    const guest = await here.create({ 'mine.cfg': DEFINITION.replace('/boot/', ''), minipv: kernel }, { paused: true });
    expect((await guest.info()).state).toBe('paused');
    await guest.unpause();
    await guest.waitFor(PROMPT);
  });

  it('tells what happens, and ends the stream with the host', async () => {
    const here = await host();
    const events: HostEvent[] = [];
    const reader = (async () => {
      for await (const event of here.events()) events.push(event);
    })();
    const guest = await here.start('minipv-pvh');
    await guest.pause();
    await guest.unpause();
    const ended = guest.ended();
    expect((await here.run('xl destroy minipv-pvh')).status).toBe(0);
    expect(await ended).toBe('minipv-pvh is gone.');
    await here.close();
    await reader;
    const kinds = events.map(event => `${event.kind} ${event.kind === 'task' ? event.command : event.guest.state}`);
    expect(kinds).toEqual(
      expect.arrayContaining([
        'created running',
        'state paused',
        'task xl pause minipv-pvh',
        'task xl destroy minipv-pvh',
      ]),
    );
    expect(kinds.some(kind => kind.startsWith('gone'))).toBe(true);
  });

  it('gives the pixels and the characters of a screen', async () => {
    const guest = await (await host()).start('demo');
    await guest.waitFor('> ');
    const { width, height, rgb, text } = await guest.screen();
    expect([width, height, rgb.length]).toEqual([640, 400, 640 * 400 * 3]);
    expect(rgb.some(byte => byte !== 0)).toBe(true);
    expect(text.split('\n')).toHaveLength(26);
  });

  it('keeps files and volumes in a directory', async () => {
    const state = mkdtempSync(join(tmpdir(), 'ringside-api-'));
    try {
      const first = await host({ state });
      await first.writeFile('/root/note', 'kept');
      await expect(createHost({ ...SMALL, state })).rejects.toThrow(/another|in use|already/);
      await first.close();
      expect(new TextDecoder().decode(await (await host({ state })).readFile('/root/note'))).toBe('kept');
    } finally {
      for (const each of open.splice(0)) await each.close();
      rmSync(state, { recursive: true, force: true });
    }
  });
});

describe('what cannot be is told in a sentence', () => {
  it.each([
    [{ memory: 128 }, 'createHost knows no memory: it takes pcpus, memoryMiB, vt, diskBytes, state, files, boot, xen.'],
    [{ memoryMiB: 1 }, 'memory=1: write a whole number from 64'],
    [{ boot: 'nothing' }, 'the host does not boot'],
  ])('%j', async (options, sentence) => {
    await expect(createHost({ ...SMALL, ...(options as HostOptions) })).rejects.toThrow(sentence);
  });

  it('at a host that is closed, and of guests that are not there', async () => {
    const here = await host();
    await expect(here.guest('nobody')).rejects.toThrow('There is no guest nobody at this host');
    await expect(here.start('nobody')).rejects.toThrow("Domain 'nobody' does not exist");
    await expect(here.readFile('/nothing')).rejects.toThrow('/nothing');
    const guest = await here.start('minipv-pvh');
    await expect(guest.waitFor('never', 200)).rejects.toThrow('has not shown never for 200 ms');
    await expect(guest.screen()).rejects.toThrow('minipv-pvh has no screen');
    await here.close();
    await expect(here.start('demo')).rejects.toThrow('This host was closed: create another.');
    await here.close();
  });
});
