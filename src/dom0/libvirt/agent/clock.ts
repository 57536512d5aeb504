/** The time of a guest, as its agent tells and sets it. Source: qemuAgentGetTime() and qemuAgentSetTime() of src/qemu/qemu_agent.c. */
import type { Uses } from '../../toolstack/index.ts';
import type { Domain } from '../../toolstack/domains/index.ts';
import { LibvirtError } from '../errors.ts';
import { checkFlags } from '../flags.ts';
import { malformed, withAgent } from './session.ts';

const NS = 1e9;
/** What nanoseconds in 63 bits have room for. */
const MOST_S = Math.floor(2 ** 63 / NS);
/** VIR_DOMAIN_TIME_SYNC: the guest is to read its clock chip again. */
export const TIME_SYNC = 1 << 0;

export interface GuestTime {
  /** Since 1970. */
  seconds: number;
  nanoseconds: number;
}

/** @throws LibvirtError */
export async function guestTime(host: Uses<'toolstack'>, domain: Domain): Promise<GuestTime> {
  const said = await withAgent(host, domain, 'virDomainGetTime', agent => agent.ask('guest-get-time'));
  if (typeof said !== 'number' || said < 0) throw malformed('malformed return value');
  const seconds = Math.floor(said / NS);
  return { seconds, nanoseconds: Math.floor(said - seconds * NS) };
}

/** @throws LibvirtError */
export async function setGuestTime(
  host: Uses<'toolstack'>,
  domain: Domain,
  { seconds, nanoseconds }: GuestTime,
  flags = 0,
): Promise<void> {
  checkFlags(flags, TIME_SYNC, 'qemuDomainSetTime');
  const isSync = (flags & TIME_SYNC) !== 0;
  await withAgent(host, domain, 'virDomainSetTime', agent => {
    if (isSync) return agent.ask('guest-set-time');
    if (seconds > MOST_S) throw new LibvirtError('INVALID_ARG', `Time '${seconds}' is too big for guest agent`, 'qemu');
    return agent.ask('guest-set-time', { time: seconds * NS + nanoseconds });
  });
}
