/** Procedures that define, start, stop, save and forget domains. */
import { array, int, struct, unsigned, unsignedHyper } from '../../../formats/xdr/index.ts';
import * as libvirt from '../../../dom0/libvirt/index.ts';
import type { CommandHost, Domain } from '../../../dom0/toolstack/index.ts';
import { type Procedure, procedure, type Table } from '../procedure.ts';
import { domain, flags, maybeText, type Parameter, parameter, text } from '../types.ts';
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
/** VIR_DOMAIN_SAVE_PARAM_FILE, VIR_DOMAIN_SAVE_PARAM_DXML. */
const FILE = 'file',
  DOCUMENT = 'dxml';

const textOf = (given: readonly Parameter[], name: string): string | undefined => {
  const value = given.find(({ field }) => field === name)?.value;
  return value?.kind === 'text' ? value.value : undefined;
};
/** @throws LibvirtError */
function pathOf(given: readonly Parameter[], what: string): string {
  const path = textOf(given, FILE);
  if (path === undefined) throw new libvirt.LibvirtError('INVALID_ARG', `missing ${what} path`, 'domain');
  return path;
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
    run: async ({ host }, { domain: which, path, flags: how, xml }) =>
      libvirt.saveDomain(host, await meant(host, which), path, how, { xml }),
  }),
  domain_save_params: procedure({
    changes: true,
    arguments: struct({ domain, parameters: array(parameter, MOST_SAVE_PARAMETERS), flags }),
    run: async ({ host }, { domain: which, parameters: given, flags: how }) =>
      libvirt.saveDomain(host, await meant(host, which), pathOf(given, 'save'), how, {
        xml: textOf(given, DOCUMENT),
      }),
  }),
  domain_restore: procedure({
    changes: true,
    arguments: struct({ path: text }),
    run: ({ host }, { path }) => libvirt.restoreDomain(host, path),
  }),
  domain_restore_flags: procedure({
    changes: true,
    arguments: struct({ path: text, xml: maybeText, flags }),
    run: ({ host }, { path, flags: how, xml }) => libvirt.restoreDomain(host, path, how, { xml }),
  }),
  domain_restore_params: procedure({
    changes: true,
    arguments: struct({ parameters: array(parameter, MOST_SAVE_PARAMETERS), flags }),
    run: ({ host }, { parameters: given, flags: how }) =>
      libvirt.restoreDomain(host, pathOf(given, 'restore'), how, { xml: textOf(given, DOCUMENT) }),
  }),
  domain_save_image_get_xml_desc: procedure({
    changes: true,
    arguments: struct({ path: text, flags }),
    result: XML,
    run: async ({ host }, given) => ({ xml: await libvirt.saveImageXml(host, given.path, given.flags) }),
  }),
  domain_save_image_define_xml: procedure({
    changes: true,
    arguments: struct({ path: text, xml: text, flags }),
    run: ({ host }, given) => libvirt.defineSaveImage(host, given.path, given.xml, given.flags),
  }),
  domain_managed_save_get_xml_desc: procedure({
    changes: given => (given.flags & libvirt.XML_SECURE) !== 0,
    arguments: ofDomainWithFlags,
    result: XML,
    run: async ({ host }, given) => ({
      xml: await libvirt.managedSaveXml(host, await meant(host, given.domain), given.flags),
    }),
  }),
  domain_managed_save_define_xml: procedure({
    changes: true,
    arguments: struct({ domain, xml: maybeText, flags }),
    run: async ({ host }, given) =>
      libvirt.defineManagedSave(host, await meant(host, given.domain), given.xml ?? '', given.flags),
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
