/** The head of uptime and top: what time it is, and how long the host is up. Source: sprint_uptime() of procps-ng's library/uptime.c. */
import { type ClockService, clockOf } from '../toolstack/index.ts';

export const two = (value: number): string => String(value).padStart(2, '0');

interface Clocked {
  readonly clock: Pick<ClockService, 'epochMs' | 'startedEpochMs'>;
}

/** `12:34:56 up 1 day,  2:03`. */
export function upTime({ clock }: Clocked): string {
  const nowMs = clock.epochMs();
  const minutes = Math.floor((nowMs - clock.startedEpochMs) / 60_000);
  const days = Math.floor(minutes / 1440),
    hours = Math.floor(minutes / 60) % 24;
  const up = `${days > 0 ? `${days} day${days > 1 ? 's' : ''}, ` : ''}${hours > 0 ? `${String(hours).padStart(2)}:${two(minutes % 60)}` : `${minutes % 60} min`}`;
  return `${clockOf(nowMs)} up ${up}`;
}
