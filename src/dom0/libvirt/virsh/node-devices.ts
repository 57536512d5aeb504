/** Devices of the host: none is listed until guests can be given one. Source: tools/virsh-nodedev.c of libvirt 9. */
import { needed, notSupported, type VirshCommand, VirshError } from './virsh-command.ts';

const onDevice = (name: string, options: string, about: string): VirshCommand => ({
  usage: `${name} <device>${options}`,
  about,
  run: async (_host, [device]) =>
    notSupported('virNodeDeviceLookupByName', `Could not find matching device '${needed(device, 'device')}'`),
});

export const NODE_DEVICES: Record<string, VirshCommand> = {
  'nodedev-list': {
    usage: 'nodedev-list [--tree] [--cap <string>] [--inactive] [--all]',
    about: 'enumerate devices on this host',
    run: async (_host, [capability], options) => {
      if (options.has('tree') && (capability !== undefined || options.has('inactive')))
        throw new VirshError('error: Option --tree is incompatible with --cap and --inactive');
      return '\n';
    },
  },
  'nodedev-dumpxml': onDevice('nodedev-dumpxml', '', 'node device details in XML'),
  'nodedev-detach': onDevice('nodedev-detach', ' [--driver <string>]', 'detach node device from its device driver'),
  'nodedev-reattach': onDevice('nodedev-reattach', '', 'reattach node device to its device driver'),
  'nodedev-reset': onDevice('nodedev-reset', '', 'reset node device'),
};
