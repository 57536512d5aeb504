/** What earlier commits kept stays readable. All kinds of guests, and the files of `boot --save`: test/guests/old-states.guest.ts. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BrowserState } from '../src/dom0/host/state/browser-state.ts';
import { MemoryStore } from '../src/dom0/host/storage/index.ts';
import { OLD_STATES, open, stepsIn, withOldState } from './support/old-states.ts';

describe('a host’s state that an earlier commit kept', () => {
  it('is there', () => {
    expect(OLD_STATES.length).toBeGreaterThanOrEqual(8);
  });

  it.each(OLD_STATES)('is read: files, volumes, definitions, a saved guest and a snapshot (%s)', async commit => {
    await withOldState(commit, async folder => {
      const steps = stepsIn(commit, ['hvm']);
      const { done, said } = await open(folder, steps);
      expect(done, said).toEqual(steps.map(([name]) => name));
    });
  });

  it.each(OLD_STATES)('is read by a page, whose store has the same files (%s)', async commit => {
    await withOldState(commit, async folder => {
      const store = new MemoryStore();
      for (const name of readdirSync(join(folder, 'state')))
        (await store.open(name)).write(0, readFileSync(join(folder, 'state', name)));
      const page = new BrowserState({
        open: async () => ({ store, release: () => {} }),
        epochMs: () => 0,
        random: () => 3,
        later: () => () => {},
        guests: [],
        closing: () => {},
      });
      expect(await page.info()).toMatchObject({ kept: true });
      expect(new TextDecoder().decode(await page.files.readFileBuffer('/root/note'))).toBe(
        'written by an older host\n',
      );
      const { storage } = await page.get();
      const names = storage.volumes.map(({ name }) => name);
      expect(names).toEqual(expect.arrayContaining(['pv', 'pvh', 'hvm', 'snap.hvm.first.hvm', 'snap.hvm.first.state']));
      const kernel = await page.files.readFileBuffer('/boot/minipv');
      const volume = new Uint8Array(kernel.length);
      storage.medium('vg0/hvm').read(0, volume);
      expect(Buffer.compare(volume, kernel)).toBe(0);
    });
  });
});
