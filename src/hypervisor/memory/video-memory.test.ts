import { beforeEach, describe, expect, it } from 'vitest';
import { createDomain } from './domain-table.ts';
import { Machine, VIDEO_BYTES } from './machine.ts';
import type { SecondStage } from './second-stage.ts';
import { VideoFrames } from './video-memory.ts';

const PAGES = VIDEO_BYTES / 4096,
  BASE = 0x800000;
let video: VideoFrames;
let exits: number;
/** Guest frame numbers of pages that the guest can write without an exit. */
let stage: SecondStage;

/** What a guest's store does: an exit where the page is closed. */
function store(page: number): void {
  if (stage.entry(BASE / 4096 + page) & 2) return;
  exits++;
  expect(video.wrote(BASE + page * 4096)).toBe(true);
}
const look = (): number[] => {
  const dirty = video.takeDirtyPages();
  return [...dirty.keys()].filter(page => dirty[page]);
};

beforeEach(() => {
  const machine = Machine.create(new ArrayBuffer(64 * 2 ** 20));
  const record = createDomain(machine, 4, BASE / 4096 + PAGES);
  exits = 0;
  video = new VideoFrames(machine, record, () => {});
  stage = machine.secondStage(record);
  video.moved(BASE);
  look();
});

describe('the frame buffer of a guest', () => {
  it('tells the pages that were written since the last look, at one exit each', () => {
    expect(look()).toEqual([]);
    for (let i = 0; i < 100; i++) store(7);
    store(9);
    expect(exits).toBe(2);
    expect(look()).toEqual([7, 9]);
    expect(look()).toEqual([]);
  });

  it('takes few exits for what is written again and again, and misses none of it', () => {
    for (let i = 0; i < 800; i++) {
      store(3);
      expect(look()).toContain(3);
    }
    expect(exits).toBeLessThan(120);
    // It is paused: after some looks it is left alone, and the next store is seen again.
    for (let i = 0; i < 8; i++) look();
    expect(look()).toEqual([]);
    store(3);
    expect(look()).toEqual([3]);
  });

  it('knows behind which page nobody has written', () => {
    expect(video.reach).toBe(0);
    store(7);
    store(5);
    look();
    expect(video.reach).toBe(8 * 4096);
    video.frameWritten(video.first + 20);
    expect(video.reach).toBe(21 * 4096);
  });

  it('has nothing where the guest put it over its RAM', () => {
    video.moved(0);
    expect(video.wrote(0x1000)).toBe(false);
  });
});
