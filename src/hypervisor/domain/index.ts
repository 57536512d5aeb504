/** A domain put together: its clock, exits, saved screen and reports. */
export { isLongBoot, p2mFrames } from './boot.ts';
export { flashFileOf } from './firmware-image.ts';
export type { Boot } from './booted.ts';
export {
  ADDRESS_KINDS,
  type AddressPoint,
  type BreakHit,
  type BreakPoint,
  MOST_BREAKS,
  MOST_WATCHED_BYTES,
  TRACE_KINDS,
  type TracePoint,
} from './break-points.ts';
export { isAddress } from './breaks.ts';
export { TSC_HZ } from '../../cpu/architecture/index.ts';
export type { Domain } from './domain.ts';
export type { DomainListener } from './domain-listener.ts';
export { GuestLog } from './guest-log.ts';
export { DEFAULT_MAC } from './default-mac.ts';
export { type WiredCard, wired } from './nic.ts';
export { postMortem } from './report.ts';
export { ScreenBlock } from './screen.ts';
export { PartLoader } from './part-loader.ts';
export type { HotRegion } from './hot-regions.ts';
export { JIT_BY_DEFAULT, type JitOptions } from './second-tier.ts';
export { SerialFeed } from './serial-feed.ts';
export { Teller } from './teller.ts';
export type { WaitsFor } from './waits.ts';
