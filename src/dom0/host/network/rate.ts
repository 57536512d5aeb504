/**
 * `rate=` of a network card: this many bytes an interval, as netback counts them.
 * Sources: xl-network-configuration(5), "rate"; libxlu_vif.c, xlu_vif_parse_rate; Linux's drivers/net/xen-netback/netback.c, tx_add_credit.
 */

/** Bytes per interval, and the interval in microseconds: the two numbers of the back end's node `rate`. */
export interface Rate {
  bytes: number;
  intervalUs: number;
}

const INTERVAL_US = 50_000;
const SCALE: Record<string, number> = { '': 1, K: 1000, M: 1e6, G: 1e9 };
/** A burst is never so small that a frame of full length would not fit. */
const LEAST_BURST = 128 * 1024;

/** `10Mb/s`, `250KB/s`, `1MB/s@20ms`. Undefined: not a rate, or none that lets a byte through in an interval. */
export function parseRate(text: string): Rate | undefined {
  const match = /^(\d{1,12})([GMK]?)([Bb])\/s(?:@(\d{1,9})([mu]?)s?)?$/.exec(text.trim());
  if (!match) return undefined;
  const [, number, scale, unit, interval, fraction] = match;
  const bytesPerSecond = (Number(number) * SCALE[scale]) / (unit === 'b' ? 8 : 1);
  const intervalUs =
    interval === undefined ? INTERVAL_US : Number(interval) * (fraction === 'm' ? 1000 : fraction === 'u' ? 1 : 1e6);
  const bytes = Math.floor((bytesPerSecond * intervalUs) / 1e6);
  return bytes >= 1 && intervalUs >= 1 ? { bytes, intervalUs } : undefined;
}

/** The same as a definition has it, to the microsecond. */
export const formatRate = ({ bytes, intervalUs }: Rate): string =>
  `${Math.ceil((bytes * 1e6) / intervalUs)}B/s@${intervalUs}us`;

/** Credit that comes back at each interval. */
export class Credit {
  private readonly rate: Rate;
  private readonly nowNs: () => number;
  private left: number;
  /** When the interval under way began. */
  private sinceNs: number;

  constructor(rate: Rate, nowNs: () => number) {
    this.rate = rate;
    this.nowNs = nowNs;
    this.left = rate.bytes;
    this.sinceNs = nowNs();
  }

  /** Takes this many bytes: 0. Else nothing is taken, and this is when they should be asked for again (absolute, nanoseconds). */
  take(bytes: number): number {
    const { rate } = this;
    const intervalNs = rate.intervalUs * 1000;
    const intervals = Math.floor((this.nowNs() - this.sinceNs) / intervalNs);
    if (intervals > 0) {
      this.left = Math.min(Math.max(rate.bytes, LEAST_BURST), this.left + intervals * rate.bytes);
      this.sinceNs += intervals * intervalNs;
    }
    if (bytes > this.left) return this.sinceNs + Math.ceil((bytes - this.left) / rate.bytes) * intervalNs;
    this.left -= bytes;
    return 0;
  }
}
