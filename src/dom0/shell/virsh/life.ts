/** Domains are started, stopped, saved and restored. */
import { createFrom, managedOf } from '../../toolstack/index.ts';
import { COMMANDS, perform, runXl } from '../../toolstack/commands/index.ts';
import { callOf } from '../xl.ts';
import { COMMAND, definitionIn, find, managedFor, onDomain, type VirshCommand, VirshError } from './virsh-command.ts';

/** A host of the pool, as libvirt would name it. */
const POOL_URI = /^xen\+pool:\/\/([^/]+)\/system$/;

export const LIFE: Record<string, VirshCommand> = {
  start: {
    usage: 'start <domain> [--paused]',
    about: 'start a (previously defined) inactive domain',
    run: async (host, [word], options) => {
      const { name, id } = await find(host, word);
      if (id !== undefined) throw new VirshError('error: Domain is already active');
      await perform(host, 'start', COMMANDS.start, name, options.has('paused')).catch((error: Error) => {
        throw new VirshError(`error: Failed to start domain '${name}'\nerror: ${error.message}`);
      });
      return `Domain '${name}' started\n\n`;
    },
  },
  create: {
    usage: 'create <file> [--paused]',
    about: 'create a domain from an XML file',
    run: async (host, words, options, around) => {
      const { path } = await definitionIn(words, around);
      const read = async (name: string): Promise<Blob> => new Blob([(await around.readFile(name)) as BlobPart]);
      const { name } = await createFrom({ host, read }, path, { paused: options.has('paused') }).catch(
        (error: Error) => {
          throw new VirshError(`error: Failed to create domain from ${path}\nerror: ${error.message}`);
        },
      );
      return `Domain '${name}' created from ${path}\n\n`;
    },
  },
  shutdown: {
    usage: 'shutdown <domain>',
    about: 'gracefully shutdown a domain',
    run: onDomain('shutdown', 'is being shutdown', (host, { id }) => perform(host, 'shutdown', COMMANDS.shutdown, id!)),
  },
  reboot: {
    usage: 'reboot <domain>',
    about: 'reboot a domain',
    run: onDomain('reboot', 'is being rebooted', (host, { id }) => perform(host, 'reboot', COMMANDS.reboot, id!)),
  },
  destroy: {
    usage: 'destroy <domain>',
    about: 'destroy (stop) a domain',
    run: onDomain('destroy', 'destroyed', (host, { id }) => perform(host, 'destroy', COMMANDS.destroy, id!)),
  },
  suspend: {
    usage: 'suspend <domain>',
    about: 'suspend a domain',
    run: onDomain('suspend', 'suspended', (host, { id }) => perform(host, 'pause', COMMANDS.pause, id!)),
  },
  resume: {
    usage: 'resume <domain>',
    about: 'resume a domain',
    run: onDomain('resume', 'resumed', (host, { id }) => perform(host, 'unpause', COMMANDS.unpause, id!)),
  },
  save: {
    usage: 'save <domain> <file>',
    about: 'save a domain state to a file',
    run: async (host, [word, file], _options, around) => {
      const { name, id } = await find(host, word);
      if (file === undefined) throw new VirshError(`error: command '${COMMAND}' requires <file> option`);
      try {
        if (id === undefined) throw new Error('Requested operation is not valid: domain is not running');
        await runXl(COMMANDS, callOf(host, ['save', String(id), file], around));
      } catch (error) {
        throw new VirshError(`error: Failed to save domain '${name}' to ${file}\nerror: ${(error as Error).message}`);
      }
      return `Domain '${name}' saved to ${file}\n\n`;
    },
  },
  migrate: {
    usage: 'migrate <domain> <desturi> [--live] [--suspend] [--auto-converge] [--verbose]',
    about: 'migrate domain to another host',
    run: async (host, [word, uri], options) => {
      const { id } = await find(host, word);
      if (uri === undefined) throw new VirshError(`error: command '${COMMAND}' requires <desturi> option`);
      const [, to] = POOL_URI.exec(uri) ?? [];
      if (to === undefined)
        throw new VirshError(
          `error: no connection driver available for ${uri}\nerror: Hosts of the pool are xen+pool://HOST/system.`,
        );
      if (id === undefined) throw new VirshError('error: Requested operation is not valid: domain is not running');
      const wish = {
        ...(options.has('suspend') ? { paused: true } : {}),
        ...(options.has('auto-converge') ? { autoConverge: true } : {}),
      };
      await COMMANDS.migrate.run(host, id, to, wish).catch((error: Error) => {
        throw new VirshError(`error: ${error.message}`);
      });
      return options.has('verbose') ? 'Migration: [100 %]\n' : '\n';
    },
  },
  restore: {
    usage: 'restore <file> [--paused]',
    about: 'restore a domain from a saved state in a file',
    run: async (host, [file], options, around) => {
      if (file === undefined) throw new VirshError(`error: command '${COMMAND}' requires <file> option`);
      const words = ['restore', ...(options.has('paused') ? ['-p'] : []), file];
      await runXl(COMMANDS, callOf(host, words, around)).catch((error: Error) => {
        throw new VirshError(`error: Failed to restore domain from ${file}\nerror: ${error.message}`);
      });
      return `Domain restored from ${file}\n\n`;
    },
  },
  autostart: {
    usage: 'autostart <domain> [--disable]',
    about: 'autostart a domain',
    run: async (host, [word], options) => {
      const domain = await find(host, word);
      const on = !options.has('disable');
      await Promise.resolve()
        .then(() => managedOf(host).setAutomatic(managedFor(domain), on))
        .catch((error: Error) => {
          throw new VirshError(
            `error: Failed to ${on ? '' : 'un'}mark domain '${domain.name}' as autostarted\nerror: ${error.message}`,
          );
        });
      return `Domain '${domain.name}' ${on ? '' : 'un'}marked as autostarted\n\n`;
    },
  },
};
