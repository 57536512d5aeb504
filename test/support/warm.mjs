/**
 * Runs one command line of `ringside` after another, as WarmRingside asks for them: { argv, mark }. Both streams end with the mark, on standard
 * error followed by the status. { leave } is to the run what SIGTERM is, and nothing to a process that has just ended its run. The process ends with
 * the test that started it.
 */
import { prepareProgram } from '../../scripts/program.mjs';

const { main } = await import(await prepareProgram('ringside'));
process.on('disconnect', () => process.exit());
let isRunning = false;
process.on('message', async ({ argv, mark, leave }) => {
  if (leave) {
    if (isRunning && !process.emit('SIGTERM', 'SIGTERM')) process.exit();
    return;
  }
  isRunning = true;
  const status = await main(argv);
  isRunning = false;
  process.stdout.write(mark);
  process.stderr.write(`${mark}${status}`);
});
