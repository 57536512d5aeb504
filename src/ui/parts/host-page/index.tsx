/** The host at a glance: domains as xl lists them, machine memory by owner, and the last minute. */

import { Alerts } from './alerts.tsx';
import { BridgePorts, MachineMemory, Processors, Volumes } from './at-a-glance.tsx';
import { Domains } from './domains.tsx';
import { History } from './history.tsx';

export function HostPage() {
  return (
    <div class="body hst">
      <Alerts />
      <Domains />
      <MachineMemory />
      <History />
      <div class="hs-c">
        <Processors />
        <Volumes />
        <BridgePorts />
      </div>
    </div>
  );
}
