/** A domain's tags: in its definition, where it is kept, and in that of the domain that runs. libvirt's own calls know them as metadata of one name space. */
import { alikeTags, escapedXml, TAGS_KEY, TAGS_URI, tagsProblem } from '../definitions/config/index.ts';
import { quoted } from '../../formats/shell-words/index.ts';
import { managedOf, type Uses } from '../toolstack/index.ts';
import type { Domain } from '../toolstack/domains/index.ts';
import { failing, LibvirtError } from './errors.ts';

/** As virXMLExtractNamespaceXML() gives an element of metadata back: without its name space. */
export const tagsElement = (tags: readonly string[]): string =>
  `<tags>\n${tags.map(tag => `  <tag>${escapedXml(tag)}</tag>\n`).join('')}</tags>`;

/** None: the definition says nothing of tags. @throws LibvirtError */
export async function setTags(
  host: Uses<'domains' | 'managed' | 'tasks'>,
  { name, id, managed }: Domain,
  given: readonly string[],
): Promise<void> {
  const tags = alikeTags(given),
    problem = tagsProblem(tags);
  if (problem !== undefined) throw new LibvirtError('INVALID_ARG', problem);
  const member = id === undefined ? undefined : host.domains.member(id);
  const change = <D extends object>(definition: D): D & { tags?: readonly string[] } => {
    const { tags: _before, ...rest } = definition as D & { tags?: readonly string[] };
    return (tags.length === 0 ? rest : { ...rest, tags }) as D & { tags?: readonly string[] };
  };
  const command =
    tags.length === 0
      ? '--remove'
      : `--key ${TAGS_KEY} --set ${quoted(`<tags>${tags.map(tag => `<tag>${tag}</tag>`).join('')}</tags>`)}`;
  await failing(() =>
    host.tasks.run(`virsh metadata ${quoted(name)} ${TAGS_URI} ${command}`, async task => {
      if (managed) await managedOf(host).change(managed, change);
      if (member) member.blueprint = { ...member.blueprint, definition: change(member.blueprint.definition) };
      task.message = managed ? `It is in ${managed.path}.` : `${name} is not defined: its tags go when it does.`;
    }),
  );
}
