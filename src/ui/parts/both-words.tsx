/** A command as this host has it, and, where the host has Xen, as libvirt's clients have it, too. */

import { asVirsh } from '../../dom0/toolstack/as-virsh/index.ts';
import { hypervisorOfHost } from '../hypervisors/of-host.ts';
import { spelled } from '../hypervisors/own.ts';

const OR = 'or';

/** What it is for virsh; undefined: that has no words of its own for it, or the host has those alone. */
const forVirsh = (command: string): string | undefined => {
  const virsh = asVirsh(command);
  return hypervisorOfHost() === 'xen' && virsh !== command && /^vir/.test(virsh) ? virsh : undefined;
};

/** `command`: as xl has it. */
export function Both({ command }: { command: string }) {
  const virsh = forVirsh(command);
  return (
    <>
      <code>{spelled(command)}</code>
      {virsh && (
        <>
          {' '}
          {OR} <code>{virsh}</code>
        </>
      )}
    </>
  );
}

/** The same a line each. */
export const inBoth = (command: string): string => [spelled(command), forVirsh(command)].filter(Boolean).join('\n');
