/**
 * How much of a connection's data may be on its way, and how long its acknowledgement is waited for.
 * Sources: RFC 5681 and RFC 6582 (congestion control, fast recovery), RFC 6298 (retransmission time).
 */
import { distance } from './segment.ts';

const FIRST_RTO_NS = 1e9,
  LEAST_RTO_NS = 1e9,
  MOST_RTO_NS = 60e9;
/** Half of what a card's wire holds (hypervisor/worker/frame-ring.ts): more would often be lost there. */
const MOST_IN_FLIGHT = 32 * 1024;
/** This many equal acknowledgements tell of a loss. */
const DUPLICATES = 3;

export class Pace {
  /** Bytes that may be unacknowledged, as far as the network goes. */
  congestion: number;
  rtoNs = FIRST_RTO_NS;
  private threshold = MOST_IN_FLIGHT;
  private duplicates = 0;
  /** What was sent before a loss was seen is on its way up to here. */
  private recover: number | undefined;
  private smoothNs: number | undefined;
  private variationNs = 0;
  /** What is timed ends here. */
  private timed: { end: number; sinceNs: number } | undefined;
  private readonly mss: number;

  constructor(mss: number) {
    this.mss = mss;
    // RFC 5681, 3.1.
    this.congestion = mss > 2190 ? 2 * mss : mss > 1095 ? 3 * mss : 4 * mss;
  }

  /** Data up to `end` have gone out for the first time. */
  sent(end: number, nowNs: number): void {
    this.timed ??= { end, sinceNs: nowNs };
  }

  /** Of something that was sent twice nobody knows which one is acknowledged (Karn). */
  sentAgain(): void {
    this.timed = undefined;
  }

  /** Nothing was acknowledged in time. `flight`: bytes that are on their way. */
  timedOut(flight: number): void {
    this.lower(flight);
    this.congestion = this.mss;
    this.backOff();
    this.recover = undefined;
    this.duplicates = 0;
  }

  backOff(): void {
    this.sentAgain();
    this.rtoNs = Math.min(2 * this.rtoNs, MOST_RTO_NS);
  }

  private lower(flight: number): void {
    this.threshold = Math.max(flight / 2, 2 * this.mss);
  }

  /** One more acknowledgement of the same; true: what it asks for is lost, and is to be sent again. */
  duplicate(flight: number, max: number): boolean {
    this.duplicates++;
    if (this.recover !== undefined) this.congestion += this.mss;
    if (this.duplicates !== DUPLICATES || this.recover !== undefined) return false;
    this.recover = max;
    this.lower(flight);
    this.congestion = this.threshold + DUPLICATES * this.mss;
    return true;
  }

  /** `count` bytes more, up to `una`, are acknowledged; true: what follows them is lost, too. */
  acknowledged(count: number, una: number, nowNs: number): boolean {
    const { mss, timed } = this;
    if (timed && distance(una, timed.end) >= 0) this.measured(nowNs - timed.sinceNs);
    this.duplicates = 0;
    if (this.recover !== undefined) {
      if (distance(una, this.recover) < 0) {
        this.congestion = Math.max(mss, this.congestion - count + mss);
        return true;
      }
      this.recover = undefined;
      this.congestion = this.threshold;
      return false;
    }
    this.congestion += this.congestion < this.threshold ? Math.min(count, mss) : (mss * mss) / this.congestion;
    this.congestion = Math.min(this.congestion, MOST_IN_FLIGHT);
    return false;
  }

  private measured(ns: number): void {
    this.timed = undefined;
    if (this.smoothNs === undefined) {
      this.smoothNs = ns;
      this.variationNs = ns / 2;
    } else {
      this.variationNs = 0.75 * this.variationNs + 0.25 * Math.abs(this.smoothNs - ns);
      this.smoothNs = 0.875 * this.smoothNs + 0.125 * ns;
    }
    this.rtoNs = Math.min(Math.max(LEAST_RTO_NS, this.smoothNs + 4 * this.variationNs), MOST_RTO_NS);
  }
}
