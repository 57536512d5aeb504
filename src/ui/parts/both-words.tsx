/** A command as this host has it, and, where the host has Xen, as libvirt's clients have it, too. */

import type { CommandValue, Line } from '../../dom0/toolstack/hypervisors/command/index.ts';
import { type OfEach, ofHost } from '../hypervisors/of-host.ts';
import { spelled, spellers } from '../hypervisors/spelled.ts';

const OR = 'or';

const FOR_LIBVIRT: OfEach<((command: CommandValue) => string | undefined) | undefined> = {
  xen: command => spellers.value?.spell(spellers.value.libvirtOfXen, command),
  kvm: undefined,
};

/** What it is for libvirt's clients; undefined: they have none for it, or the host has those alone. */
const forLibvirt = (command: CommandValue | Line): string | undefined =>
  typeof command === 'string' ? undefined : ofHost(FOR_LIBVIRT)?.(command);

export function Both({ command }: { command: CommandValue | Line }) {
  const other = forLibvirt(command);
  return (
    <>
      <code>{spelled(command)}</code>
      {other && (
        <>
          {' '}
          {OR} <code>{other}</code>
        </>
      )}
    </>
  );
}

/** The same a line each. */
export const inBoth = (command: CommandValue): string =>
  [spelled(command), forLibvirt(command)].filter(Boolean).join('\n');
