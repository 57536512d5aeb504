/** What is on the host's wire next to the guests: files of this machine, and the way out by its network. */
import { formatAddress, type PeerOptions } from '../../devices/net/index.ts';
import { type Forward, natTo } from '../../dom0/host/network/nat/index.ts';
import { HostError } from '../../hypervisor/index.ts';
import { openOutside } from '../outside.ts';
import { tftpFolder } from './tftp-folder.ts';

export interface NetworkWords {
  tftp?: string | undefined;
  net?: 'nat' | undefined;
  forwards: readonly Forward[];
}

/** Undefined: what any host has. `say` is called with the addresses of forwards. @throws HostError: a port cannot be opened */
export async function openNetwork(
  { tftp, net, forwards }: NetworkWords,
  say: (sentence: string) => void,
): Promise<{ peer: PeerOptions; close(): void } | undefined> {
  const files = tftp === undefined ? undefined : tftpFolder(tftp);
  if (net === undefined) return files && { peer: files, close: () => {} };
  const outside = await openOutside(forwards).catch((error: Error) => {
    throw new HostError(error.message);
  });
  for (const { forward } of outside.forwards)
    say(
      `127.0.0.1:${forward.port} (${forward.protocol}) leads to port ${forward.guestPort} of ${formatAddress(forward.guest)}.`,
    );
  return { peer: { ...files, beyond: natTo(outside) }, close: () => outside.close() };
}
