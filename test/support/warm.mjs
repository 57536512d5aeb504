/**
 * Runs one command line of `ringside` after another, as WarmRingside asks for them: { argv, mark }. Both streams end with the mark, on standard
 * error followed by the status. The process ends with the test that started it.
 */
import { prepareProgram } from '../../scripts/program.mjs';

const { main } = await import(await prepareProgram('ringside'));
process.on('disconnect', () => process.exit());
process.on('message', async ({ argv, mark }) => {
  const status = await main(argv);
  process.stdout.write(mark);
  process.stderr.write(`${mark}${status}`);
});
