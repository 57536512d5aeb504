/**
 * What is asked of QEMU's driver of libvirt alone: a guest's monitor, its process, and its disks (cmdQemuMonitorCommand(), cmdInjectNMI(), cmdDomControl() and
 * cmdDomBlkError() of tools/virsh-domain.c and virsh-domain-monitor.c).
 */
import {
  agentCommand,
  CONTROL,
  controlInfo,
  DISK_ERROR,
  diskErrors,
  HUMAN,
  injectNmi,
  monitorCommand,
} from '../index.ts';
import { find, saying, type VirshCommand, VirshError } from './virsh-command.ts';

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
      const domain = await find(host, word);
      const isHuman = options.has('hmp');
      const reply = await monitorCommand(host, domain, line, isHuman ? HUMAN : 0);
      if (isHuman) return `${reply}\n`;
      return `${options.has('pretty') ? JSON.stringify(JSON.parse(reply), undefined, 2) : reply}\n\n`;
    },
  },
  'inject-nmi': {
    usage: 'inject-nmi <domain>',
    about: 'Inject NMI to the guest',
    run: async (host, [word]) => {
      await injectNmi(host, await find(host, word));
      return '\n';
    },
  },
  domcontrol: {
    usage: 'domcontrol <domain>',
    about: 'domain control interface state',
    run: async (host, [word]) => `${CONTROL[controlInfo(host, await find(host, word)).state]}\n\n`,
  },
  domblkerror: {
    usage: 'domblkerror <domain>',
    about: 'Show errors on block devices',
    run: async (host, [word]) => {
      const errors = diskErrors(host, await find(host, word));
      const sentence = { [DISK_ERROR.UNSPECIFIED]: 'unspecified error', [DISK_ERROR.NO_SPACE]: 'no space' };
      return errors.length === 0
        ? 'No errors found\n\n'
        : `${errors.map(({ disk, error }) => `${disk}: ${sentence[error]}\n`).join('')}\n`;
    },
  },
};
