/** Serves the generated interpreter as `virtual:interpreter` to the page, the command line and vitest alike. */
import type { Plugin } from 'vite';
import { rows } from '../table/index.ts';
import { generateInterpreter } from './generate.ts';

const NAME = 'virtual:interpreter';

export function interpreterPlugin(): Plugin {
  return {
    name: 'ringside-interpreter',
    resolveId: id => (id === NAME ? `\0${NAME}` : undefined),
    load: id => (id === `\0${NAME}` ? generateInterpreter(rows) : undefined),
  };
}
