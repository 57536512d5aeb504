/** Event channels of a domain: `port.N.state` is the number of EVTCHNSTAT (event_channel.h, 0: closed). */
import { EVTCHNSTAT, portsOf } from '../../../hypervisor/interfaces/xen/view/index.ts';
import type { Family } from './told.ts';

export const ports: Family = ({ domain }, { values }) => {
  const open = portsOf(domain);
  values.ports = open.length;
  for (const { port, state, pending, masked, remotePort } of open) {
    values[`port.${port}.state`] = EVTCHNSTAT[state];
    values[`port.${port}.pending`] = Number(pending);
    values[`port.${port}.masked`] = Number(masked);
    values[`port.${port}.remote`] = remotePort;
  }
};
