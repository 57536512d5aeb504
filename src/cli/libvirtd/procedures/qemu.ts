/** Procedures that only QEMU's driver has: a guest's agent and monitor, which are a program of their own, its process and its disks. */
import { array, int, struct, unsigned, unsignedHyper } from '../../../formats/xdr/index.ts';
import { agentCommand, controlInfo, diskErrors, injectNmi, monitorCommand } from '../../../dom0/libvirt/index.ts';
import { procedure, type Table } from '../procedure.ts';
import { domain, flags, maybeText, text } from '../types.ts';
import { meant, ofDomainWithFlags } from './domains.ts';

/** REMOTE_DOMAIN_DISK_ERRORS_MAX. */
const MOST_DISK_ERRORS = 256;

export const QEMU: Table = {
  domain_qemu_agent_command: procedure({
    changes: true,
    arguments: struct({ domain, command: text, timeout: int, flags }),
    result: struct({ result: maybeText }),
    run: async ({ host }, { domain: which, command, timeout }) => ({
      result: await agentCommand(host, await meant(host, which), command, timeout),
    }),
  }),
  domain_qemu_monitor_command: procedure({
    changes: true,
    arguments: struct({ domain, command: text, flags }),
    result: struct({ result: text }),
    run: async ({ host }, { domain: which, command, flags: how }) => ({
      result: await monitorCommand(host, await meant(host, which), command, how),
    }),
  }),
  domain_inject_nmi: procedure({
    changes: true,
    arguments: ofDomainWithFlags,
    run: async ({ host }, given) => injectNmi(host, await meant(host, given.domain), given.flags),
  }),
  domain_get_control_info: procedure({
    arguments: ofDomainWithFlags,
    result: struct({ state: unsigned, details: unsigned, ms: unsignedHyper }),
    run: async ({ host }, given) => controlInfo(host, await meant(host, given.domain), given.flags),
  }),
  /** `most`: 0: how many disks there could be errors of. */
  domain_get_disk_errors: procedure({
    arguments: struct({ domain, most: unsigned, flags }),
    result: struct({ errors: array(struct({ disk: text, error: int }), MOST_DISK_ERRORS), count: int }),
    run: async ({ host }, given) => {
      const found = await meant(host, given.domain);
      const errors = diskErrors(host, found, given.flags).slice(0, given.most);
      return { errors, count: given.most === 0 ? found.definition.disks.length : errors.length };
    },
  }),
};
