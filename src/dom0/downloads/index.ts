/** What src/dom0/downloads offers to the page. */
export { fetchKept, keepDownload } from './downloads.ts';
