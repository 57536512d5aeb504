/** Domains are started, stopped, saved and restored: by libvirt's model (libvirt). */
import * as libvirt from '../index.ts';
import type { CommandHost } from '../../toolstack/index.ts';
import { callOf, type Surroundings } from '../../toolstack/programs/index.ts';
import {
  allNeeded,
  definitionIn,
  find,
  flagsOf,
  needed,
  numeric,
  onDomain,
  saying,
  textIn,
  type VirshCommand,
  VirshError,
} from './virsh-command.ts';

const { PAUSED, FORCE_BOOT } = libvirt.CREATE;

/** What a domain is to be when it is restored, as flags: what it was, unless somebody says. */
export const stateAfter = (options: ReadonlySet<string>): number =>
  flagsOf(options, { running: libvirt.SAVE.RUNNING, paused: libvirt.SAVE.PAUSED });

const DESTROY = { graceful: libvirt.DESTROY.GRACEFUL, 'remove-logs': libvirt.DESTROY.REMOVE_LOGS };

/** Files as the shell sees them. */
export const filesOf = (around: Surroundings): libvirt.Files => ({
  read: async path => new Blob([(await around.readFile(path)) as BlobPart]),
  write: async (path, data) => around.writeFile(path, new Uint8Array(await data.arrayBuffer())),
});

/** Ways to shut down or to reboot, as flags; `or`: how the last one is joined in a sentence. @throws VirshError */
function modesIn(text: string | undefined, or: string): number {
  const known = Object.entries(libvirt.SHUTDOWN).map(([name, flag]) => [name.toLowerCase(), flag] as const);
  return (text?.split(',') ?? []).reduce((flags, mode) => {
    const [, flag] = known.find(([name]) => name === mode) ?? [];
    if (flag === undefined) {
      const [last, ...others] = known.map(([name]) => `'${name}'`).toReversed();
      throw new VirshError(
        `error: Unknown mode ${mode} value, expecting ${others.toReversed().join(', ')}${or} ${last}`,
      );
    }
    return flags | flag;
  }, 0);
}

/** Starts a domain that is defined; what virsh says then. @throws VirshError */
export async function started(
  host: CommandHost,
  word: string | undefined,
  options: ReadonlySet<string>,
): Promise<string> {
  const domain = await find(host, word);
  if (domain.id !== undefined) throw new VirshError('error: Domain is already active');
  const flags = flagsOf(options, { paused: PAUSED, 'force-boot': FORCE_BOOT });
  await saying(`Failed to start domain '${domain.name}'`, () => libvirt.startDomain(host, domain, flags));
  return `Domain '${domain.name}' started\n\n`;
}

export const LIFE: Record<string, VirshCommand> = {
  start: {
    usage: 'start <domain> [--console] [--paused] [--force-boot]',
    about: 'start a (previously defined) inactive domain',
    run: async (host, [word], options) => {
      const said = await started(host, word, options);
      if (options.has('console'))
        throw new VirshError('error: Cannot run interactive console without a controlling TTY', said);
      return said;
    },
  },
  create: {
    usage: 'create <file> [--paused]',
    about: 'create a domain from an XML file',
    run: async (host, words, options, around) => {
      const { path, text } = await definitionIn(words, around);
      const { name } = await saying(`Failed to create domain from ${path}`, () =>
        libvirt.createDomain(host, text, options.has('paused') ? PAUSED : 0, { files: filesOf(around) }),
      );
      return `Domain '${name}' created from ${path}\n\n`;
    },
  },
  shutdown: {
    usage: 'shutdown <domain> [--mode <mode>]',
    about: 'gracefully shutdown a domain',
    run: async (host, [word, mode]) => {
      const flags = modesIn(mode, ', or');
      const domain = await find(host, word);
      await saying(`Failed to shutdown domain '${word}'`, () => libvirt.shutDownDomain(host, domain, flags));
      return `Domain '${word}' is being shutdown\n\n`;
    },
  },
  reboot: {
    usage: 'reboot <domain> [--mode <mode>]',
    about: 'reboot a domain',
    run: async (host, [word, mode]) => {
      const flags = modesIn(mode, ' or');
      const domain = await find(host, word);
      await saying(`Failed to reboot domain '${word}'`, () => libvirt.rebootDomain(host, domain, flags));
      return `Domain '${word}' is being rebooted\n\n`;
    },
  },
  reset: {
    usage: 'reset <domain>',
    about: 'reset a domain',
    run: onDomain('reset', 'was reset', libvirt.resetDomain),
  },
  destroy: {
    usage: 'destroy <domain> [--graceful] [--remove-logs]',
    about: 'destroy (stop) a domain',
    run: async (host, [word], options) => {
      const domain = await find(host, word);
      await saying(`Failed to destroy domain '${word}'`, () =>
        libvirt.destroyDomain(host, domain, flagsOf(options, DESTROY)),
      );
      return `Domain '${word}' destroyed\n\n`;
    },
  },
  suspend: {
    usage: 'suspend <domain>',
    about: 'suspend a domain',
    run: onDomain('suspend', 'suspended', libvirt.suspendDomain),
  },
  resume: {
    usage: 'resume <domain>',
    about: 'resume a domain',
    run: onDomain('resume', 'resumed', libvirt.resumeDomain),
  },
  dompmsuspend: {
    usage: 'dompmsuspend <domain> <target> [--duration <duration>]',
    about: 'suspend a domain gracefully using power management functions',
    run: async (host, [word, target, duration = '0']) => {
      allNeeded([word, target], ['domain', 'target']);
      const domain = await find(host, word);
      const seconds = numeric(duration, 'duration');
      const at = Object.hasOwn(libvirt.SLEEP, target!) ? libvirt.SLEEP[target!]! : undefined;
      if (at === undefined) throw new VirshError('error: Invalid target');
      await saying(`Domain '${word}' could not be suspended`, () => libvirt.sleepDomain(host, domain, at, seconds));
      return `Domain '${word}' successfully suspended\n`;
    },
  },
  dompmwakeup: {
    usage: 'dompmwakeup <domain>',
    about: 'wakeup a domain from pmsuspended state',
    run: async (host, [word]) => {
      const domain = await find(host, word);
      await saying(`Domain '${word}' could not be woken up`, () => libvirt.wakeDomain(host, domain));
      return `Domain '${word}' successfully woken up\n`;
    },
  },
  save: {
    usage: 'save <domain> <file> [<xml>] [--running] [--paused] [--verbose]',
    about: 'save a domain state to a file',
    run: async (host, [word, file, document], options, around) => {
      if (word !== undefined) needed(file, 'file');
      const domain = await find(host, word);
      const xml = document === undefined ? undefined : await textIn(document, around);
      await saying(`Failed to save domain '${domain.name}' to ${file}`, () =>
        libvirt.saveDomain(host, domain, callOf(host, [], around).absolute!(file!), stateAfter(options), {
          files: filesOf(around),
          xml,
        }),
      );
      return `${options.has('verbose') ? 'Save: [100 %]\n' : ''}\nDomain '${domain.name}' saved to ${file}\n\n`;
    },
  },
  managedsave: {
    usage: 'managedsave <domain> [--running] [--paused] [--verbose]',
    about: 'managed save of a domain state',
    run: async (host, [word], options) => {
      const domain = await find(host, word);
      await saying(`Failed to save domain '${domain.name}' state`, () =>
        libvirt.managedSave(host, domain, stateAfter(options)),
      );
      return `${options.has('verbose') ? 'Managedsave: [100 %]\n' : ''}\nDomain '${domain.name}' state saved by libvirt\n\n`;
    },
  },
  'managedsave-remove': {
    usage: 'managedsave-remove <domain>',
    about: 'Remove managed save of a domain',
    run: async (host, [word]) => {
      const domain = await find(host, word);
      if (!(await libvirt.hasManagedSave(host, domain)))
        return `Domain '${domain.name}' has no manage save image; removal skipped`;
      await libvirt.removeManagedSave(host, domain);
      return `Removed managedsave image for domain '${domain.name}'`;
    },
  },
  restore: {
    usage: 'restore <file> [--xml=<xml>] [--running] [--paused]',
    about: 'restore a domain from a saved state in a file',
    run: async (host, [path, document], options, around) => {
      const file = needed(path, 'file');
      const xml = document === undefined ? undefined : await textIn(document, around);
      await saying(`Failed to restore domain from ${file}`, () =>
        libvirt.restoreDomain(host, callOf(host, [], around).absolute!(file), stateAfter(options), {
          files: filesOf(around),
          xml,
        }),
      );
      return `Domain restored from ${file}\n\n`;
    },
  },
  autostart: {
    usage: 'autostart <domain> [--disable]',
    about: 'autostart a domain',
    run: async (host, [word], options) => {
      const domain = await find(host, word);
      const on = !options.has('disable');
      await saying(`Failed to ${on ? '' : 'un'}mark domain '${domain.name}' as autostarted`, () =>
        libvirt.setAutostart(host, domain, on),
      );
      return `Domain '${domain.name}' ${on ? '' : 'un'}marked as autostarted\n\n`;
    },
  },
};
