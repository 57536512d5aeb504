#!/usr/bin/env node
import { runProgram } from '../scripts/program.mjs';

await runProgram('main', process.argv.slice(2));
