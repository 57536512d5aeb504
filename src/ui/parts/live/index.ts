/** What the first view shows of a running host. */
export { HandOut } from '../hand-out.tsx';
export { JustHappened, LiveConsole, PcpuStrip } from '../live.tsx';
