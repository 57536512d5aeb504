/** Procedures of domains that go to other hosts. The client speaks to this host alone: it knows no other of a pool (VIR_MIGRATE_PEER2PEER). */
import { bytes, struct, unsignedHyper } from '../../../formats/xdr/index.ts';
import * as libvirt from '../../../dom0/libvirt/index.ts';
import { procedure, type Table } from '../procedure.ts';
import { domain, flags, maybeText, type Parameter, parameters } from '../types.ts';
import { meant, ofDomainWithFlags } from './domains.ts';

/** REMOTE_DOMAIN_MIGRATE_PARAM_LIST_MAX, REMOTE_MIGRATE_COOKIE_MAX. */
const MOST_PARAMETERS = 64,
  MOST_COOKIE = 4_194_304;
/** VIR_MIGRATE_PARAM_DEST_NAME and _BANDWIDTH. */
const NAME = 'destination_name',
  BANDWIDTH = 'bandwidth';

/** @throws LibvirtError: there is nothing for it */
function known(all: readonly Parameter[]): { name?: string; speedMiB?: number } {
  const found: { name?: string; speedMiB?: number } = {};
  for (const { field, value } of all) {
    if (field === NAME && value.kind === 'text') found.name = value.value;
    else if (field === BANDWIDTH && value.kind === 'unsignedHyper') found.speedMiB = value.value;
    else throw new libvirt.LibvirtError('ARGUMENT_UNSUPPORTED', `parameter '${field}' is not supported`, 'qemu');
  }
  return found;
}

export const MIGRATING: Table = {
  domain_migrate_perform3_params: procedure({
    changes: true,
    arguments: struct({
      domain,
      uri: maybeText,
      parameters: parameters(MOST_PARAMETERS),
      cookie: bytes(MOST_COOKIE),
      flags,
    }),
    result: struct({ cookie: bytes(MOST_COOKIE) }),
    run: async ({ host }, given) => {
      const of = await meant(host, given.domain);
      const { name, speedMiB } = known(given.parameters);
      if (speedMiB !== undefined) libvirt.setMoveSpeed(host, of, speedMiB);
      await libvirt.migrateDomain(host, of, given.uri ?? '', given.flags, name === undefined ? {} : { name });
      return { cookie: new Uint8Array() };
    },
  }),
  domain_migrate_start_post_copy: procedure({
    changes: true,
    arguments: ofDomainWithFlags,
    run: async ({ host }, given) => libvirt.startPostcopyOf(host, await meant(host, given.domain), given.flags),
  }),
  domain_migrate_set_max_speed: procedure({
    changes: true,
    arguments: struct({ domain, speedMiB: unsignedHyper, flags }),
    run: async ({ host }, given) =>
      libvirt.setMoveSpeed(host, await meant(host, given.domain), given.speedMiB, given.flags),
  }),
  domain_migrate_get_max_speed: procedure({
    arguments: ofDomainWithFlags,
    result: struct({ speedMiB: unsignedHyper }),
    run: async ({ host }, given) => ({
      speedMiB: libvirt.moveSpeed(host, await meant(host, given.domain), given.flags),
    }),
  }),
  domain_migrate_set_max_downtime: procedure({
    changes: true,
    arguments: struct({ domain, downtimeMs: unsignedHyper, flags }),
    run: async ({ host }, given) =>
      libvirt.setMoveDowntime(host, await meant(host, given.domain), given.downtimeMs, given.flags),
  }),
  domain_migrate_get_max_downtime: procedure({
    arguments: ofDomainWithFlags,
    result: struct({ downtimeMs: unsignedHyper }),
    run: async ({ host }, given) => ({
      downtimeMs: libvirt.moveDowntime(host, await meant(host, given.domain), given.flags),
    }),
  }),
};
