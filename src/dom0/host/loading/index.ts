/** What src/dom0/host/loading offers to the page. */
export { loadedAgain } from './load-again.ts';
