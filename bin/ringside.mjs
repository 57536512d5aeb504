#!/usr/bin/env node
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const argv = process.argv.slice(2);
const builder = new URL('../scripts/program.mjs', import.meta.url);
if (existsSync(builder)) {
  const { runProgram } = await import(builder);
  await runProgram('ringside', argv);
} else {
  // An installed package: built, with nothing that builds.
  const program = new URL('../package/ringside.js', import.meta.url);
  process.argv[1] = fileURLToPath(program);
  process.stdout.on('error', error => process.exit(error.code === 'EPIPE' ? 0 : 1));
  const { main } = await import(program);
  const status = await main(argv);
  process.stdout.write('', () => process.stderr.write('', () => process.exit(status)));
}
