/** What workers write for those who watch. */
export {
  carriedRequest,
  IO_HOP,
  IO_OP,
  IoTrace,
  isWatched,
  KeptHops,
  partOfRequest,
  passes,
  within,
} from './io-trace.ts';
export { NO_TIME, Trace, TRACE_KIND } from './trace.ts';
