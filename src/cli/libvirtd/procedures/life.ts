/** Procedures that define, start, stop, save and forget domains. */
import { array, int, struct, unsigned, unsignedHyper } from '../../../formats/xdr/index.ts';
import * as libvirt from '../../../dom0/toolstack/libvirt/index.ts';
import type { CommandHost, Domain } from '../../../dom0/toolstack/index.ts';
import { type Procedure, procedure, type Table } from '../procedure.ts';
import { domain, flags, maybeText, parameter, text } from '../types.ts';
import { meant, ofDomain, ofDomainWithFlags } from './domains.ts';

type Deed = (host: CommandHost, domain: Domain, flags?: number) => Promise<unknown>;

const deed = (act: Deed): Procedure =>
  procedure({
    changes: true,
    arguments: ofDomain,
    run: async ({ host }, { domain }) => void (await act(host, await meant(host, domain))),
  });
const deedWithFlags = (act: Deed): Procedure =>
  procedure({
    changes: true,
    arguments: ofDomainWithFlags,
    run: async ({ host }, given) => void (await act(host, await meant(host, given.domain), given.flags)),
  });

const XML = struct({ xml: text });
const XML_WITH_FLAGS = struct({ xml: text, flags });
/** REMOTE_DOMAIN_SAVE_PARAMS_MAX. */
const MOST_SAVE_PARAMETERS = 64;
/** VIR_DOMAIN_SAVE_PARAM_FILE. */
const FILE = 'file';

/** A state goes with its own definition. @throws LibvirtError */
function refuseXml(xml: string | undefined): void {
  if (xml !== undefined)
    throw new libvirt.LibvirtError(
      'ARGUMENT_UNSUPPORTED',
      'another definition than the saved one is not taken',
      'domain',
    );
}

export const LIFE: Table = {
  domain_define_xml: procedure({
    changes: true,
    arguments: XML,
    result: ofDomain,
    run: async ({ host }, { xml }) => ({ domain: libvirt.refOf(await libvirt.defineDomain(host, xml)) }),
  }),
  domain_define_xml_flags: procedure({
    changes: true,
    arguments: XML_WITH_FLAGS,
    result: ofDomain,
    run: async ({ host }, given) => ({
      domain: libvirt.refOf(await libvirt.defineDomain(host, given.xml, given.flags)),
    }),
  }),
  domain_create_xml: procedure({
    changes: true,
    arguments: XML_WITH_FLAGS,
    result: ofDomain,
    run: async ({ host }, given) => ({
      domain: libvirt.refOf(await libvirt.createDomain(host, given.xml, given.flags)),
    }),
  }),
  domain_create: deed(libvirt.startDomain),
  domain_create_with_flags: procedure({
    changes: true,
    arguments: ofDomainWithFlags,
    result: ofDomain,
    run: async ({ host }, given) => ({
      domain: libvirt.refOf(await libvirt.startDomain(host, await meant(host, given.domain), given.flags)),
    }),
  }),
  domain_destroy: deed(libvirt.destroyDomain),
  domain_destroy_flags: deedWithFlags(libvirt.destroyDomain),
  domain_shutdown: deed(libvirt.shutDownDomain),
  domain_shutdown_flags: deedWithFlags(libvirt.shutDownDomain),
  domain_reboot: deedWithFlags(libvirt.rebootDomain),
  domain_reset: deedWithFlags(libvirt.resetDomain),
  domain_suspend: deed(libvirt.suspendDomain),
  domain_resume: deed(libvirt.resumeDomain),
  domain_undefine: deed(libvirt.undefineDomain),
  domain_undefine_flags: deedWithFlags(libvirt.undefineDomain),
  domain_set_autostart: procedure({
    changes: true,
    arguments: struct({ domain, autostart: int }),
    run: async ({ host }, given) => libvirt.setAutostart(host, await meant(host, given.domain), given.autostart !== 0),
  }),
  domain_rename: procedure({
    changes: true,
    arguments: struct({ domain, name: maybeText, flags }),
    result: struct({ code: int }),
    run: async ({ host }, given) => {
      await libvirt.renameDomain(host, await meant(host, given.domain), given.name ?? '');
      return { code: 0 };
    },
  }),
  domain_save: procedure({
    changes: true,
    arguments: struct({ domain, path: text }),
    run: async ({ host }, given) => libvirt.saveDomain(host, await meant(host, given.domain), given.path),
  }),
  domain_save_flags: procedure({
    changes: true,
    arguments: struct({ domain, path: text, xml: maybeText, flags }),
    run: async ({ host }, given) => {
      refuseXml(given.xml);
      await libvirt.saveDomain(host, await meant(host, given.domain), given.path, given.flags);
    },
  }),
  domain_save_params: procedure({
    changes: true,
    arguments: struct({ domain, parameters: array(parameter, MOST_SAVE_PARAMETERS), flags }),
    run: async ({ host }, given) => {
      const path = given.parameters.find(({ field }) => field === FILE)?.value;
      if (path?.kind !== 'text') throw new libvirt.LibvirtError('INVALID_ARG', 'missing save path', 'domain');
      await libvirt.saveDomain(host, await meant(host, given.domain), path.value, given.flags);
    },
  }),
  domain_restore: procedure({
    changes: true,
    arguments: struct({ path: text }),
    run: ({ host }, { path }) => libvirt.restoreDomain(host, path),
  }),
  domain_restore_flags: procedure({
    changes: true,
    arguments: struct({ path: text, xml: maybeText, flags }),
    run: ({ host }, given) => {
      refuseXml(given.xml);
      return libvirt.restoreDomain(host, given.path, given.flags);
    },
  }),
  domain_core_dump: procedure({
    changes: true,
    arguments: struct({ domain, path: text, flags }),
    run: async ({ host }, given) => libvirt.dumpCore(host, await meant(host, given.domain), given.path, given.flags),
  }),
  domain_pm_suspend_for_duration: procedure({
    changes: true,
    arguments: struct({ domain, target: unsigned, seconds: unsignedHyper, flags }),
    run: async ({ host }, given) =>
      libvirt.sleepDomain(host, await meant(host, given.domain), given.target, given.seconds, given.flags),
  }),
  domain_pm_wakeup: deedWithFlags(libvirt.wakeDomain),
  domain_managed_save: deedWithFlags(libvirt.managedSave),
  domain_managed_save_remove: deedWithFlags(libvirt.removeManagedSave),
};
