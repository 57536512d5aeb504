/** npm run -s bench:hypervisor [-- --seconds N --runs N --only ROWS --guests N --state FILE --json FILE --check]: src/workshop/bench-hypervisor/main.ts says what is measured. */
import { runProgram } from '../scripts/program.mjs';
import { explain } from '../scripts/usage.mjs';

explain(import.meta.url);

await runProgram('bench-hypervisor', process.argv.slice(2));
