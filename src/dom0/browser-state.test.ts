import { describe, expect, it } from 'vitest';
import { BrowserState } from './browser-state.ts';
import { MemoryStore, type OpenStore } from './storage/index.ts';

function stateOf(open: OpenStore) {
  const opened: boolean[] = [];
  const state = new BrowserState({
    open, epochMs: () => 0, random: () => 3, later: () => () => {}, guests: [], closing: () => {},
    filesOpened: (_files, kept) => void opened.push(kept),
  });
  return { state, opened };
}

describe('the state of a page', () => {
  it('says whether the files that were opened outlive it, so that those of a second tab are not remembered as the host’s', async () => {
    let isHeld = true;
    const { state, opened } = stateOf(async () => (isHeld ? { why: 'Another tab has them.', holder: { sinceMs: 1 } } : { store: new MemoryStore(), release: () => {} }));
    await state.files.readdir('/');
    expect(opened).toEqual([false]);
    isHeld = false;
    expect((await state.takeOver()).kept).toBe(true);
    await state.files.readdir('/');
    expect(opened).toEqual([false, true]);
  });
});
