import { DeviceFull } from '../../../formats/blocks/index.ts';
import { describe, expect, it } from 'vitest';
import { BrowserState } from './browser-state.ts';
import { type StatePart, TREE_FILES, writeState } from './state-file.ts';
import { MemoryStore, type OpenStore, type Store } from '../storage/index.ts';

function stateOf(open: OpenStore) {
  const opened: boolean[] = [];
  const state = new BrowserState({
    open,
    epochMs: () => 0,
    random: () => 3,
    later: () => () => {},
    guests: [],
    closing: () => {},
    filesOpened: (_files, kept) => void opened.push(kept),
  });
  return { state, opened };
}

describe('the state of a page', () => {
  it('says whether the files that were opened outlive it, so that those of a second tab are not remembered as the host’s', async () => {
    let isHeld = true;
    const { state, opened } = stateOf(async () =>
      isHeld
        ? { why: 'Another tab has them.', holder: { sinceMs: 1 } }
        : { store: new MemoryStore(), release: () => {} },
    );
    await state.files.readdir('/');
    expect(opened).toEqual([false]);
    isHeld = false;
    expect((await state.takeOver()).kept).toBe(true);
    await state.files.readdir('/');
    expect(opened).toEqual([false, true]);
  });

  it('says what to do where the browser gives too little room for a disk', async () => {
    const store = new MemoryStore();
    const open = store.open.bind(store);
    store.open = async name =>
      Object.assign(await open(name), {
        write: () => {
          throw new DeviceFull('full');
        },
      });
    const info = await stateOf(async () => ({ store, release: () => {} })).state.info();
    expect(info).toMatchObject({ where: 'memory', kept: false, why: expect.stringContaining('too little room') });
  });

  const head = { version: '1', savedMs: 0, guests: [], volumes: [] };
  const pack = async (state: BrowserState): Promise<Blob> => {
    const pieces: Uint8Array[] = [];
    for await (const piece of state.packed(head)) pieces.push(piece);
    return new Blob(pieces as BlobPart[]);
  };
  const visit = (store: Store) => stateOf(async () => ({ store, release: () => {} })).state;
  const write = (state: BrowserState, text: string) => state.files.writeFile('/root/note', text);
  const note = async (state: BrowserState) =>
    (await state.files.exists('/root/note'))
      ? new TextDecoder().decode(await state.files.readFileBuffer('/root/note'))
      : undefined;

  it('is packed, taken over by another host, and is there at its next visit; reset leaves none of it', async () => {
    const here = visit(new MemoryStore());
    await write(here, 'mine');
    (await here.get()).storage.createVolume('web', 2 ** 22);
    const file = await pack(here);
    const base = new MemoryStore(),
      there = visit(base);
    await write(there, 'theirs');
    await there.replace(file);
    const seen = async (state: BrowserState) => [
      await note(state),
      (await state.get()).storage.volumes.map(({ name }) => name),
    ];
    expect(await seen(there)).toEqual(['mine', ['web']]);
    await write(there, 'changed');
    (await there.get()).close();
    const later = visit(base);
    expect(await seen(later)).toEqual(['changed', ['web']]);
    await later.reset();
    expect(await seen(later)).toEqual([undefined, []]);
    (await later.get()).close();
    expect(await seen(visit(base))).toEqual([undefined, []]);
  });

  it('stays as it is where another one is cut off, does not open, or has no room', async () => {
    const base = new MemoryStore(),
      state = visit(base);
    await write(state, 'mine');
    const file = await pack(state);
    await expect(state.replace(file.slice(0, file.size - 9))).rejects.toThrow('cut off');
    // Check sums are good, and the volume group that its partition table promises is not there.
    const empty = TREE_FILES.map((name): StatePart => ({ name, bytes: 0, read: () => {} }));
    const { disk } = (await state.get()).storage;
    const table: StatePart = {
      name: 'disk',
      bytes: disk.bytes,
      read: (at, into) => {
        if (at === 0) disk.read(0, into.subarray(0, 512));
      },
      holds: at => at === 0,
    };
    const broken = new Blob([...writeState(head, [...empty, table])] as BlobPart[]);
    await expect(state.replace(broken)).rejects.toThrow('no volume group');
    const open = base.open.bind(base);
    base.open = async name => {
      const opened = await open(name);
      if (name.startsWith('other.'))
        opened.write = () => {
          throw new DeviceFull('there is no room');
        };
      return opened;
    };
    await expect(state.replace(file)).rejects.toThrow('no room');
    expect(await note(state)).toBe('mine');
    (await state.get()).close();
    expect(await note(visit(base))).toBe('mine');
  });

  it('is not packed of two moments', async () => {
    const state = visit(new MemoryStore());
    const { storage } = await state.get();
    storage.createVolume('web', 2 ** 22);
    const { medium } = storage.open('/dev/vg0/web', 'test', true);
    const pieces = state.packed(head);
    await pieces.next();
    medium.write(0, new Uint8Array(512).fill(1));
    await expect(
      (async () => {
        for await (const _ of pieces);
      })(),
    ).rejects.toThrow('wrote to its disk meanwhile');
  });

  /** Changes a byte behind the header of whichever file has the list. */
  async function damage(store: Store, name: string): Promise<void> {
    for (const each of [`${name}.0`, `${name}.1`]) {
      const file = await store.open(each);
      const bytes = new Uint8Array(80);
      file.read(0, bytes);
      if (new TextDecoder().decode(bytes.subarray(0, 4)) === 'RSJ2') file.write(72, Uint8Array.of(bytes[72] ^ 1));
    }
  }
  const contentOf = async (store: Store): Promise<string> => {
    const texts: string[] = [];
    for (const name of ['files.0', 'files.1', 'disk.0', 'disk.1']) {
      const file = await store.open(name);
      const bytes = new Uint8Array(file.bytes);
      file.read(0, bytes);
      texts.push(bytes.join());
    }
    return texts.join('\n');
  };

  it.each(['disk', 'files'])(
    'that is damaged (%s) is in memory, names its files, and is set aside for another one',
    async name => {
      const store = Object.assign(new MemoryStore(), { outlivesHost: true });
      await write(visit(store), 'the first');
      await damage(store, name);
      const before = await contentOf(store);
      const state = visit(store);
      expect(await note(state)).toBeUndefined();
      const info = await state.info();
      expect(info).toMatchObject({ where: 'memory', kept: false, why: expect.stringMatching(/is damaged at byte/) });
      expect(info.damaged?.[0]).toEqual({ name: 'files.0', stored: 'files.0' });
      expect(await state.setAside()).toMatchObject({ kept: true });
      await write(state, 'the second');
      expect(await contentOf(store)).toBe(before);
      expect(await note(visit(store))).toBe('the second');
      // Of a state that is whole there is nothing to set aside.
      await state.setAside();
      expect(await note(state)).toBe('the second');
    },
  );
});
