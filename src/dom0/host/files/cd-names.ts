/** How a CD that is made of Domain 0's files is named, in definitions and behind xl cd-insert: `files:PATH:PATH…`. */
const PREFIX = 'files:';

export const namesFiles = (target: string): boolean => target.startsWith(PREFIX);

/** The spelling of some paths, and the paths in a spelling. */
export const spellFiles = (paths: readonly string[]): string => PREFIX + paths.join(':');
export const pathsIn = (target: string): string[] =>
  target
    .slice(PREFIX.length)
    .split(':')
    .filter(path => path !== '');
