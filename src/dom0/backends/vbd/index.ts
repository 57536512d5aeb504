/** What src/dom0/backends/vbd offers to other rooms. */
export { OP, readRequest, readResponse, readSegment, type Request, SEGMENTS_PER_PAGE } from './protocol.ts';
export { Vbd } from './vbd.ts';
