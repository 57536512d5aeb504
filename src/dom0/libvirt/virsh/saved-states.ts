/** Documents in saved states, which have another on demand. Source: tools/virsh-domain.c of libvirt 9. */
import { defineManagedSave, defineSaveImage, managedSaveXml, saveImageXml, XML_SECURE } from '../index.ts';
import { callOf } from '../../toolstack/programs/index.ts';
import { filesOf, stateAfter } from './life.ts';
import { allNeeded, find, flagsOf, needed, needsTerminal, saying, textIn, type VirshCommand } from './virsh-command.ts';

const shown = (options: ReadonlySet<string>): number => flagsOf(options, { 'security-info': XML_SECURE });

export const SAVED_STATES: Record<string, VirshCommand> = {
  'save-image-dumpxml': {
    usage: 'save-image-dumpxml <file> [--security-info]',
    about: 'saved state domain information in XML',
    run: async (host, [word], options, around) => {
      const path = callOf(host, [], around).absolute!(needed(word, 'file'));
      return `${await saveImageXml(host, path, shown(options), filesOf(around))}\n`;
    },
  },
  'save-image-define': {
    usage: 'save-image-define <file> <xml> [--running] [--paused]',
    about: "redefine the XML for a domain's saved state file",
    run: async (host, [word, document], options, around) => {
      allNeeded([word, document], ['file', 'xml']);
      const path = callOf(host, [], around).absolute!(word!);
      const xml = await textIn(document!, around);
      await saying(`Failed to update ${word}`, () =>
        defineSaveImage(host, path, xml, stateAfter(options), filesOf(around)),
      );
      return `State file ${word} updated.\n`;
    },
  },
  'save-image-edit': {
    usage: 'save-image-edit <file> [--running] [--paused]',
    about: "edit XML for a domain's saved state file",
    run: async () => {
      throw needsTerminal('save-image-edit');
    },
  },
  'managedsave-dumpxml': {
    usage: 'managedsave-dumpxml <domain> [--security-info]',
    about: 'Domain information of managed save state file in XML',
    run: async (host, [word], options) => `${await managedSaveXml(host, await find(host, word), shown(options))}\n`,
  },
  'managedsave-define': {
    usage: 'managedsave-define <domain> <xml> [--running] [--paused]',
    about: "redefine the XML for a domain's managed save state file",
    run: async (host, [word, document], options, around) => {
      allNeeded([word, document], ['domain', 'xml']);
      const domain = await find(host, word);
      const xml = await textIn(document!, around);
      await saying(`Failed to update ${document}`, () => defineManagedSave(host, domain, xml, stateAfter(options)));
      return `Managed save state file of domain '${domain.name}' updated.\n`;
    },
  },
  'managedsave-edit': {
    usage: 'managedsave-edit <domain> [--running] [--paused]',
    about: "edit XML for a domain's managed save state file",
    run: async () => {
      throw needsTerminal('managedsave-edit');
    },
  },
};
