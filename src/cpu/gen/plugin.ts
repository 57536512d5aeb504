/** Serves what the generator writes, to the page, the command line and vitest alike: the interpreter, and the numbers that the translator needs. */
import type { Plugin } from 'vite';
import { rows } from '../table/index.ts';
import { generateInterpreter, generateLong, generatePlans } from './generate.ts';

const MODULES: Record<string, () => string> = {
  'virtual:interpreter': () => generateInterpreter(rows),
  'virtual:long': () => generateLong(rows),
  'virtual:plans': () => generatePlans(rows),
};

/** Once for all that is built with this plugin: the tables do not change meanwhile. */
const made = new Map<string, string | undefined>();
function make(id: string): string | undefined {
  if (!made.has(id)) made.set(id, MODULES[id]?.());
  return made.get(id);
}

export function interpreterPlugin(): Plugin {
  return {
    name: 'ringside-interpreter',
    resolveId: id => (id in MODULES ? `\0${id}` : undefined),
    load: id => (id[0] === '\0' ? make(id.slice(1)) : undefined),
  };
}
