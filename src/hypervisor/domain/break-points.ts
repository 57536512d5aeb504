/** What a domain is to stop at, and why it has stopped, as it is asked for and reported (breaks.ts). */
/** `bytes`: of memory that is watched; 1 of an instruction. */
export interface AddressPoint {
  kind: 'execute' | 'write' | 'access';
  /** A linear address: of whichever process, or vCPU, comes to it; in the upper half of 64-bit code it has a sign (view/address.ts). */
  linear: number;
  bytes: number;
}

/** An exit of this reason (ExitReason), a hypercall of this number, an access to this I/O port, an event that is sent on this port of the guest's. */
export interface TracePoint {
  kind: 'exit' | 'hypercall' | 'port' | 'event';
  number: number;
}
export type BreakPoint = AddressPoint | TracePoint;

/** Once, before the next instruction of one vCPU, whichever that is: of its own code or of a handler. `from`: the linear address where it is. */
export interface NextInstruction {
  next: number;
  from: number;
}

/** Why it stopped. */
export interface BreakHit {
  point: BreakPoint;
  vcpu: number;
  /** How many instructions had retired then: while that is so, it is still there. */
  retired: number;
  /** Linear address of the instruction that is next, or that touched memory (undefined: the processor did itself, as it delivered an event). */
  instruction?: number;
  /** Of memory: what was touched, and how. */
  access?: { linear: number; bytes: number; isWrite: boolean; value: number };
  /** Of what the trace tells: the words of its record (TRACE_KIND), which is done. */
  record?: [number, number, number];
}

/** Points that a domain has at most, and bytes that one watches at most. */
export const MOST_BREAKS = 8,
  MOST_WATCHED_BYTES = 4096;
export const ADDRESS_KINDS: readonly AddressPoint['kind'][] = ['execute', 'write', 'access'],
  /** With the largest number of each: what an exit's reason, a hypercall's number, a port of the PC and an event channel may be. */
  TRACE_KINDS: Readonly<Record<TracePoint['kind'], number>> = {
    exit: 0x1ff,
    hypercall: 63,
    port: 0xffff,
    event: 131_071,
  };
