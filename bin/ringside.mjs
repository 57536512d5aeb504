#!/usr/bin/env node
import { runProgram } from '../scripts/program.mjs';

await runProgram('ringside', process.argv.slice(2));
