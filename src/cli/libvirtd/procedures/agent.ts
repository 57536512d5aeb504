/** Procedures that a guest's agent answers. Other hosts than those of KVM have none: libvirt's driver of Xen knows of no agents. */
import { array, hyper, int, struct, unsigned, unsignedHyper } from '../../../formats/xdr/index.ts';
import * as libvirt from '../../../dom0/libvirt/index.ts';
import { procedure, type Table } from '../procedure.ts';
import { domain, flags, maybeText, type Parameter, parameters, text } from '../types.ts';
import { meant, ofDomainWithFlags } from './domains.ts';

/** REMOTE_DOMAIN_FSFREEZE_MOUNTPOINTS_MAX, REMOTE_DOMAIN_FSINFO_MAX and its disks', REMOTE_DOMAIN_GUEST_VCPU_PARAMS_MAX, REMOTE_DOMAIN_GUEST_INFO_PARAMS_MAX. */
const MOST_MOUNTPOINTS = 256,
  MOST_FILE_SYSTEMS = 256,
  MOST_VCPU_PARAMETERS = 64,
  MOST_FACTS = 2048;

const MOUNTPOINTS = struct({ domain, mountpoints: array(text, MOST_MOUNTPOINTS), flags });
const FILE_SYSTEM = struct({ mountpoint: text, name: text, type: text, targets: array(text, MOST_FILE_SYSTEMS) });

export const AGENT: Table = {
  domain_get_fsinfo: procedure({
    changes: true,
    arguments: ofDomainWithFlags,
    result: struct({ info: array(FILE_SYSTEM, MOST_FILE_SYSTEMS), count: unsigned }),
    run: async ({ host }, given) => {
      const info = await libvirt.guestFileSystems(host, await meant(host, given.domain));
      return { info, count: info.length };
    },
  }),
  domain_fsfreeze: procedure({
    changes: true,
    arguments: MOUNTPOINTS,
    result: struct({ count: int }),
    run: async ({ host }, given) => ({
      count: await libvirt.freezeFileSystems(host, await meant(host, given.domain), given.mountpoints),
    }),
  }),
  domain_fsthaw: procedure({
    changes: true,
    arguments: MOUNTPOINTS,
    result: struct({ count: int }),
    run: async ({ host }, given) => ({
      count: await libvirt.thawFileSystems(host, await meant(host, given.domain), given.mountpoints),
    }),
  }),
  domain_fstrim: procedure({
    changes: true,
    arguments: struct({ domain, mountpoint: maybeText, minimumBytes: unsignedHyper, flags }),
    run: async ({ host }, given) => {
      const { mountpoint, minimumBytes } = given;
      await libvirt.trimFileSystems(host, await meant(host, given.domain), mountpoint, minimumBytes);
    },
  }),
  domain_get_time: procedure({
    changes: true,
    arguments: ofDomainWithFlags,
    result: struct({ seconds: hyper, nanoseconds: unsigned }),
    run: async ({ host }, given) => libvirt.guestTime(host, await meant(host, given.domain)),
  }),
  domain_set_time: procedure({
    changes: true,
    arguments: struct({ domain, seconds: hyper, nanoseconds: unsigned, flags }),
    run: async ({ host }, given) => libvirt.setGuestTime(host, await meant(host, given.domain), given, given.flags),
  }),
  domain_set_user_password: procedure({
    changes: true,
    arguments: struct({ domain, user: maybeText, password: maybeText, flags }),
    run: async ({ host }, given) => {
      const who = { user: given.user ?? '', password: given.password ?? '' };
      await libvirt.setUserPassword(host, await meant(host, given.domain), who, given.flags);
    },
  }),
  domain_get_guest_vcpus: procedure({
    changes: true,
    arguments: ofDomainWithFlags,
    result: struct({ parameters: parameters(MOST_VCPU_PARAMETERS) }),
    run: async ({ host }, given) => {
      const rows = libvirt.vcpuRows(await libvirt.guestVcpus(host, await meant(host, given.domain)));
      return {
        parameters: rows.map(([field, value]): Parameter => ({ field, value: { kind: 'text', value } })),
      };
    },
  }),
  domain_set_guest_vcpus: procedure({
    changes: true,
    arguments: struct({ domain, vcpus: text, state: int, flags }),
    run: async ({ host }, given) => {
      if (given.state !== 0 && given.state !== 1)
        throw new libvirt.LibvirtError('INVALID_ARG', 'unsupported state value', 'qemu');
      await libvirt.setGuestVcpus(host, await meant(host, given.domain), given.vcpus, given.state === 1);
    },
  }),
  domain_get_hostname: procedure({
    changes: true,
    arguments: ofDomainWithFlags,
    result: struct({ hostname: text }),
    run: async ({ host }, given) => ({
      hostname: await libvirt.guestHostname(host, await meant(host, given.domain), given.flags),
    }),
  }),
  domain_get_guest_info: procedure({
    changes: true,
    arguments: struct({ domain, types: unsigned, flags }),
    result: struct({ parameters: parameters(MOST_FACTS) }),
    run: async ({ host }, given) => {
      const facts = await libvirt.guestInfo(host, await meant(host, given.domain), given.types, given.flags);
      return {
        parameters: facts.map(([field, kind, value]) => ({ field, value: { kind, value } as Parameter['value'] })),
      };
    },
  }),
  domain_agent_set_response_timeout: procedure({
    changes: true,
    arguments: struct({ domain, timeout: int, flags }),
    result: struct({ result: int }),
    run: async ({ host }, given) => {
      libvirt.setAgentTimeout(host, await meant(host, given.domain), given.timeout);
      return { result: 0 };
    },
  }),
};
