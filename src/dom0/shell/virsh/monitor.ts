/** What is asked of QEMU's driver of libvirt alone: a guest's monitor (cmdQemuMonitorCommand() of tools/virsh-domain.c). */
import type { CommandHost, Guest } from '../../toolstack/index.ts';
import { agentCommand } from '../../toolstack/libvirt/index.ts';
import { askHuman, askMonitor } from '../../toolstack/qemu/index.ts';
import { find, saying, type VirshCommand, VirshError } from './virsh-command.ts';

/** libvirt numbers what it asks. */
let asked = 0;

/** @throws VirshError where it does not run */
async function running(host: CommandHost, word: string | undefined): Promise<Guest> {
  const { id } = await find(host, word);
  const guest = id === undefined ? undefined : host.toolstack.members.get(id);
  if (!guest || guest.ending) throw new VirshError('error: Requested operation is not valid: domain is not running');
  return guest;
}

/** @throws VirshError: there is no QEMU */
function needsQemu(host: CommandHost, what: string): void {
  if (host.toolstack.hypervisor.kind === 'xen')
    throw new VirshError(`error: this function is not supported by the connection driver: ${what}`);
}

/** Seconds that are waited for an answer, or one of virDomainQemuAgentCommandTimeoutValues. @throws VirshError */
function patience(options: ReadonlySet<string>, said: string | undefined): number | undefined {
  const chosen = [said !== undefined, options.has('async'), options.has('block')].filter(Boolean).length;
  if (chosen > 1) throw new VirshError('error: timeout, async and block options are exclusive');
  if (options.has('async')) return 0;
  if (options.has('block')) return -2;
  if (said === undefined) return undefined;
  const seconds = Number(said);
  if (!Number.isInteger(seconds) || seconds < 1) throw new VirshError('error: timeout must be positive');
  return seconds;
}

export const MONITOR: Record<string, VirshCommand> = {
  'qemu-agent-command': {
    usage: 'qemu-agent-command <domain> <cmd> [--timeout <number>] [--async] [--block] [--pretty]',
    about: 'QEMU Guest Agent Command',
    run: async (host, [word, line, seconds], options) => {
      if (line === undefined) throw new VirshError('error: missing guest agent command');
      const timeout = patience(options, seconds);
      const domain = await find(host, word);
      const reply = await saying('', () => agentCommand(host, domain, line, timeout));
      if (reply === undefined) return '';
      return `${options.has('pretty') ? JSON.stringify(JSON.parse(reply), undefined, 2) : reply}\n\n`;
    },
  },
  'qemu-monitor-command': {
    usage: 'qemu-monitor-command <domain> <cmd> [--hmp] [--pretty]',
    about: 'QEMU Monitor Command',
    run: async (host, [word, line], options) => {
      if (line === undefined) throw new VirshError('error: missing monitor command');
      needsQemu(host, 'virDomainQemuMonitorCommand');
      const guest = await running(host, word);
      if (options.has('hmp')) return `${await askHuman(host, guest, line)}\n`;
      const reply = await saying('', () => askMonitor(host, guest, line, `libvirt-${++asked}`));
      return `${JSON.stringify(reply, undefined, options.has('pretty') ? 2 : undefined)}\n\n`;
    },
  },
};
