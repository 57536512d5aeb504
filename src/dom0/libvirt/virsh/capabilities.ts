/** What the host is, and which guests it runs (libvirt). */
import { capabilities, domainCapabilities } from '../index.ts';
import { type VirshCommand, VirshError } from './virsh-command.ts';

export const CAPABILITIES: Record<string, VirshCommand> = {
  capabilities: {
    usage: 'capabilities',
    about: 'capabilities',
    run: async host => `${await capabilities(host)}\n`,
  },
  domcapabilities: {
    usage: 'domcapabilities [--virttype <string>] [--emulatorbin <string>] [--arch <string>] [--machine <string>]',
    about: 'domain capabilities',
    run: async (host, [virtType, emulator, arch, machine]) => {
      try {
        return `${domainCapabilities(host, { virtType, emulator, arch, machine })}\n`;
      } catch (error) {
        throw new VirshError(`error: failed to get emulator capabilities\nerror: ${(error as Error).message}`);
      }
    },
  },
};
