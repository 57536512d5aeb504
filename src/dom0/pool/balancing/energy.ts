/**
 * What hosts take of power, by a model: what an idle one takes, and more in proportion to its busy slots (Fan, Weber and Barroso, "Power Provisioning for a
 * Warehouse-sized Computer", ISCA 2007, 3.2). An idle server takes about half of what a busy one does (Barroso and Hölzle, "The Case for Energy-Proportional
 * Computing", IEEE Computer 40(12), 2007); that a busy one takes 200 W is assumed.
 */
import { busyOf, type HostView } from './samples.ts';

export interface PowerModel {
  idleWatts: number;
  busyWatts: number;
}

export const POWER: PowerModel = { idleWatts: 100, busyWatts: 200 };

export interface Energy {
  /** Of all hosts, the empty ones among them. */
  watts: number;
  /** Of that, what would be saved if hosts without guests were off, but for the last one. */
  savedWatts: number;
  emptyHosts: number;
}

export function energyOf(hosts: readonly HostView[], { idleWatts, busyWatts }: PowerModel = POWER): Energy {
  const energy: Energy = { watts: 0, savedWatts: 0, emptyHosts: 0 };
  for (const host of hosts) {
    const watts = idleWatts + (busyWatts - idleWatts) * Math.min(1, busyOf(host));
    energy.watts += watts;
    if (host.guests.length > 0 || host.isCoordinator) continue;
    energy.savedWatts += watts;
    energy.emptyHosts++;
  }
  // One host stays on: guests need somewhere to start.
  if (energy.emptyHosts > 0 && energy.emptyHosts === hosts.length) {
    energy.savedWatts -= energy.savedWatts / energy.emptyHosts;
    energy.emptyHosts--;
  }
  return energy;
}
