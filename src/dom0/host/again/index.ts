/** What src/dom0/host/again offers to the page. */
export { loadedAgain } from './loaded-again.ts';
