/** Commands that put texts of a domain into the editor. What the driver refuses is said there, and what was typed stays. */
import type { CommandHost, Domain } from '../../toolstack/index.ts';
import {
  CONFIG,
  defineManagedSave,
  defineNetwork,
  defineSaveImage,
  managedSaveXml,
  METADATA,
  metadataOf,
  networkXml,
  persistent,
  redefineSnapshot,
  saveImageXml,
  setMetadata,
  snapshotXml,
  XML_SECURE,
} from '../index.ts';
import { callOf, edit, editManaged, type Owned, type Surroundings } from '../../toolstack/programs/index.ts';
import { filesOf, stateAfter } from './life.ts';
import { networkOf } from './networks.ts';
import { snapshotOf } from './snapshots.ts';
import { allNeeded, exclude, exclusive, find, impact, noMetadata, saying, VirshError } from './virsh-command.ts';

/** `values`: words by their places in the command's usage. Resolves with what is said at the end. @throws VirshError */
export type OwnsTerminal = (
  host: CommandHost,
  values: readonly (string | undefined)[],
  options: ReadonlySet<string>,
  terminal: Owned,
  around: Surroundings,
) => Promise<string>;

export const editDomain: OwnsTerminal = async (host, [word], _options, terminal) => {
  const domain = persistent(await find(host, word));
  const isEdited = await editManaged(host, domain, terminal);
  return `Domain '${domain.name}' XML configuration ${isEdited ? 'edited' : 'not changed'}.\n`;
};

export const editNetwork: OwnsTerminal = async (host, [word], _options, terminal) => {
  const { of } = await networkOf(host, word);
  const write = async (xml: string): Promise<void> => void (await defineNetwork(host, xml));
  const isEdited = await edit({ title: `network ${of.name}`, text: networkXml(of), write }, terminal);
  return `Network ${of.name} XML configuration ${isEdited ? 'edited' : 'not changed'}.\n`;
};

export const editSnapshot: OwnsTerminal = async (host, [word, name], options, terminal) => {
  const domain = await find(host, word);
  const record = await snapshotOf(host, domain, name, options);
  const write = async (xml: string): Promise<void> => {
    await redefineSnapshot(host, domain, record.name, xml);
  };
  const title = `snapshot ${record.name} of ${domain.name}`;
  const isEdited = await edit({ title, text: await snapshotXml(domain, record), write }, terminal);
  return isEdited ? `Snapshot ${record.name} edited.\n` : `Snapshot ${record.name} XML configuration not changed.\n`;
};

/** A saved state's document. Who edits one may see what is secret in it. */
export const editSaveImage: OwnsTerminal = async (host, [word], options, terminal, around) => {
  allNeeded([word], ['file']);
  const path = callOf(host, [], around).absolute!(word!);
  const write = (xml: string): Promise<void> => defineSaveImage(host, path, xml, stateAfter(options), filesOf(around));
  const text = await saveImageXml(host, path, XML_SECURE, filesOf(around));
  const isEdited = await edit({ title: path, text, write }, terminal);
  return isEdited ? `State file ${word} edited.\n` : `Saved image ${word} XML configuration not changed.\n`;
};

export const editManagedSave: OwnsTerminal = async (host, [word], options, terminal) => {
  const domain = await find(host, word);
  const { name } = domain;
  const write = (xml: string): Promise<void> => defineManagedSave(host, domain, xml, stateAfter(options));
  const text = await managedSaveXml(host, domain, XML_SECURE);
  const isEdited = await edit({ title: `managed save of ${name}`, text, write }, terminal);
  return isEdited
    ? `Managed save image of Domain '${name}' XML configuration edited.\n`
    : `Managed save image of domain '${name}' XML configuration not changed.\n`;
};

type Metadata = Parameters<typeof setMetadata>[2];

/** Whether it was changed. `given`: what the text begins with, where that is not what the domain has. */
async function isChanged(
  { host, domain, flags, terminal }: { host: CommandHost; domain: Domain; flags: number; terminal: Owned },
  title: string,
  { before, given = before }: { before: string; given?: string | undefined },
  metadata: (text: string) => Metadata,
): Promise<boolean> {
  const write = (text: string): Promise<void> => setMetadata(host, domain, metadata(text), flags);
  const isWritten = await edit({ title, text: given, write }, terminal);
  if (!isWritten && given !== before) await write(given);
  return isWritten || given !== before;
}

export const editDescription: OwnsTerminal = async (host, [word, ...words], options, terminal) => {
  exclusive(options);
  const given = words.length === 0 ? undefined : words.join(' ');
  const domain = await find(host, word);
  const [type, what] = options.has('title') ? [METADATA.TITLE, 'title'] : [METADATA.DESCRIPTION, 'description'];
  const before = (await metadataOf(host, domain, { type }, options.has('config') ? CONFIG : 0).catch(noMetadata)) ?? '';
  const isEdited = await saying(`Failed to set new domain ${what}`, () =>
    isChanged(
      { host, domain, flags: impact(options), terminal },
      `${what} of ${domain.name}`,
      { before, given },
      // Editors end a text with a newline, which a title cannot have.
      text => ({ type, text: type === METADATA.TITLE ? text.replace(/\n$/, '') : text }),
    ),
  );
  return isEdited ? `Domain ${what} updated successfully\n` : `Domain ${what} not changed\n`;
};

export const editMetadata: OwnsTerminal = async (host, values, options, terminal) => {
  allNeeded([...values], ['domain', 'uri']);
  const [word, uri, key, set] = values;
  exclusive(options);
  exclude(set === undefined ? options : new Set([...options, 'set']), 'edit', 'set');
  exclude(options, 'remove', 'edit');
  const domain = await find(host, word);
  if (key === undefined) throw new VirshError('error: namespace key is required when modifying metadata');
  const { ELEMENT: type } = METADATA;
  const before = (await metadataOf(host, domain, { type, uri }, impact(options)).catch(noMetadata)) ?? '\n';
  const isEdited = await isChanged(
    { host, domain, flags: impact(options), terminal },
    `metadata of ${domain.name}, ${uri}`,
    { before },
    text => ({ type, uri, key, text }),
  );
  return isEdited ? 'Metadata modified\n' : 'Metadata not changed\n';
};
