/** Guests of all kinds that earlier commits saved go on: in a host's state with snapshots, and from the files of `ringside boot --save`. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { limit, WarmRingside } from '../support/command-line.ts';
import { kindsIn, OLD_STATES, open, stepsIn, withOldState } from '../support/old-states.ts';

describe.each(OLD_STATES)('what commit %s kept', commit => {
  it('is read in a host: each kind of guest, saved and as a snapshot', async () => {
    await withOldState(commit, async folder => {
      const steps = [
        ...stepsIn(commit, kindsIn(commit)),
        ['saved demo', 'xl restore /root/demo.save && xl list demo'] as [string, string],
      ];
      if (commit !== 'eb917b82') steps.push(['saved pcos', 'xl restore /root/pcos.save && xl list pcos']);
      const { done, said } = await open(folder, steps);
      expect(done, said).toEqual(steps.map(([name]) => name));
    });
  });

  it.each(['pc', 'kvm'])('is a saved guest of ringside boot that goes on (%s)', async kind => {
    await withOldState(commit, async folder => {
      const saved = join(folder, `${kind}.boot`);
      if (!existsSync(saved)) return expect(kind).toBe('kvm');
      const guest = new WarmRingside('boot', '--restore', saved, '--until', 'switch it off', ...limit(20));
      guest.send('help\r');
      expect(await guest.end(30), guest.output + guest.errors).toBe(0);
    });
  });
});
