/** A host is killed, each a process of its own: its guest goes on on the one that has its checkpoints, and nothing that it answered is lost. */
import { expect, it, onTestFinished } from 'vitest';
import { PoolOfProcesses } from '../support/lost-host.ts';

it('knows of all that it answered where its host is killed', async () => {
  const pool = new PoolOfProcesses();
  onTestFinished(() => pool.end());
  await pool.start();
  for (const [i, afterMs] of [0, 150, 333].entries())
    expect((await pool.lose({ as: 'remus', everyMs: 100 }, afterMs, i)).wentBack).toBe(false);
});
