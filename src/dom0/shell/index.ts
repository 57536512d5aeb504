/** Domain 0's shell: a login with its programs, for any terminal. */
export { Bash, type BashParts } from './bash.ts';
export { login, shellParts } from './login.ts';
export type { Power, PowerState } from './power.ts';
export { loginOverPort, type PortSession, type ShellInput, type ShellOutput } from './port.ts';
export type { Program, Ran, Terminal } from '../toolstack/programs/index.ts';
export { runLine } from './run-line.ts';
export { Session, type SessionParts } from './session.ts';
