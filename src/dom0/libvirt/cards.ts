/** Cards of domains that run, as each driver calls them, and what went through them. */
import type { CommandHost, Uses } from '../toolstack/index.ts';
import type { Domain } from '../toolstack/domains/index.ts';
import { driverOf, type RunningCard } from './hypervisors/index.ts';

/** What the host calls a domain's card. */
export const cardName = (host: Uses<'toolstack'>, domid: number, index: number): string =>
  driverOf(host).cardName(host, domid, `vif${domid}.${index}`);

/** Of one that runs. */
export const runningCards = (host: CommandHost, { id, definition }: Domain): RunningCard[] =>
  id === undefined || id === 0 ? [] : driverOf(host).cards(host, id, definition);
