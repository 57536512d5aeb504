/** What src/hypervisor/interfaces/xen/stream offers to other rooms. */
export { differences } from './differences.ts';
export { readState, readStateFrom, SavedStateError, saveDomain, Saver, toolstackRecord } from './state.ts';
export { PAGE, PAGES_PER_RECORD } from './format.ts';
export { headingsOf, type SavedHeadings, withHeadings } from './redefined.ts';
export { isZero } from './pages.ts';
