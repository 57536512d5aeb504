/** npm run -s bench:hypervisor [-- --seconds N --runs N --only ROWS --json FILE]: src/cli/bench-hypervisor/main.ts says what is measured. */
import { runProgram } from '../scripts/program.mjs';

await runProgram('bench-hypervisor', process.argv.slice(2));
