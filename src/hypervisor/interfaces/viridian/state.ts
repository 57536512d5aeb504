/** What the enlightenments of a domain and of its vCPUs hold: plain objects of registers, as devices have them. */
export const SINTS = 16,
  STIMERS = 4;
const SINT_MASKED = 0x10000;
/** Parameters of the crash registers. */
export const CRASH_PARAMS = 5;

const freshDomain = () => ({
  guestOsId: new Uint32Array(2),
  hypercallGpa: new Uint32Array(2),
  referenceTsc: new Uint32Array(2),
  /** Reference time less the scaled TSC, in units of 100 ns. */
  referenceOffset: 0,
});

const freshVcpu = () => ({
  vpAssist: new Uint32Array(2),
  /** The guest was informed that it need not write to EOI. */
  assistPending: false,
  scontrol: new Uint32Array(2),
  siefp: new Uint32Array(2),
  simp: new Uint32Array(2),
  sint: Uint32Array.from({ length: 2 * SINTS }, (_, i) => (i & 1 ? 0 : SINT_MASKED)),
  /** By interrupt source: its slot was full, and the guest was asked to say when it is free. */
  messagePending: 0,
  stimerConfig: new Uint32Array(2 * STIMERS),
  stimerCount: new Uint32Array(2 * STIMERS),
  stimerExpiration: new Uint32Array(2 * STIMERS),
  /** By timer: it counts; it has gone off, and its message waits. */
  stimerStarted: 0,
  stimerPending: 0,
  crashParams: new Uint32Array(2 * CRASH_PARAMS),
});

export type ViridianDomain = ReturnType<typeof freshDomain>;
export type ViridianVcpu = ReturnType<typeof freshVcpu>;

export interface ViridianState {
  readonly domain: ViridianDomain;
  readonly vcpus: readonly ViridianVcpu[];
}

export const freshState = (vcpus: number): ViridianState => ({
  domain: freshDomain(),
  vcpus: Array.from({ length: vcpus }, freshVcpu),
});
