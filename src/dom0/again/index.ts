/** What src/dom0/again offers to the page. */
export { loadedAgain } from './loaded-again.ts';
