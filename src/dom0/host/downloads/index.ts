/** What src/dom0/host/downloads offers to the page. */
export { fetchKept, keepDownload } from './downloads.ts';
