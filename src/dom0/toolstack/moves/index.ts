/** What somebody says of a domain's moves to other hosts: apart from the toolstack's own index, as a host does without until a domain moves. */
export {
  bytesPerSecondOf,
  DOWNTIME_MS,
  forgetLimits,
  limit,
  limitsOf,
  MOST_DOWNTIME_MS,
  MOST_SPEED_MIB,
  type MoveLimits,
} from './limits.ts';
