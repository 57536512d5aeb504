/** Procedures of the program that only QEMU's driver has: a guest's agent. */
import { int, struct } from '../../../formats/xdr/index.ts';
import { agentCommand } from '../../../dom0/toolstack/libvirt/index.ts';
import { procedure, type Table } from '../procedure.ts';
import { domain, flags, maybeText, text } from '../types.ts';
import { meant } from './domains.ts';

export const QEMU: Table = {
  domain_qemu_agent_command: procedure({
    changes: true,
    arguments: struct({ domain, command: text, timeout: int, flags }),
    result: struct({ result: maybeText }),
    run: async ({ host }, { domain: which, command, timeout }) => ({
      result: await agentCommand(host, await meant(host, which), command, timeout),
    }),
  }),
};
