/** What src/cli/rfb offers to other commands. */
export { readPassword } from './password.ts';
export { screenOf, type ServedScreen } from './screen.ts';
export { listenAtFreePort, listenForViewers, RfbServer } from './server.ts';
