/** What workers write for those who watch. */
export { IO_HOP, IO_OP, IoTrace, partOfRequest, passes } from './io-trace.ts';
export { Trace, TRACE_KIND } from './trace.ts';
