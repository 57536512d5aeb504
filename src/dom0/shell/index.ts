/** Domain 0's shell: a login with its programs, for any terminal. */
export { Bash } from './bash.ts';
export type { Program, Terminal } from './program.ts';
export { Session, type SessionParts } from './session.ts';
export { storagePrograms } from './storage.ts';
export { xenstorePrograms } from './xenstore.ts';
export { xlProgram } from './xl.ts';
