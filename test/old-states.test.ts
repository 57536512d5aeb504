/** What earlier commits kept stays readable. All kinds of guests, and the files of `boot --save`: test/guests/old-states.guest.ts. */
import { describe, expect, it } from 'vitest';
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
});
