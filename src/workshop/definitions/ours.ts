/** What Ringside makes of definitions: a host with KVM that is asked as libvirt's clients ask it, and the reader of xl's language. */
import { isFault, judgeDefinition, prepareToRead, writeJson } from '../../dom0/definitions/config/index.ts';
import { defineDomain, shownXml, undefineDomain, XML_INACTIVE, XML_SECURE } from '../../dom0/libvirt/index.ts';
import { onSmallHost } from '../small-host.ts';
import type { Answer } from './libvirt.ts';

export interface OurAnswer extends Answer {
  /** It is defined, and does not start. */
  refusesStart?: string | undefined;
  /** What is said of it that is no error: sentences. */
  said: readonly string[];
}

/** Of a definition's text alone. */
async function judged(text: string) {
  await prepareToRead(text);
  const { definition, findings } = judgeDefinition('v', text);
  return {
    definition,
    refused: findings.filter(isFault).map(({ text: why }) => why)[0],
    refusesStart: findings.find(({ refusesStart }) => refusesStart)?.text,
    said: findings.filter(({ verdict, warns }) => warns || verdict !== 'used').map(({ text: what }) => what),
  };
}

/** Definitions of KVM, each defined, read back and forgotten. */
export async function askHost(definitions: readonly { name: string; text: string }[]): Promise<Map<string, OurAnswer>> {
  const answers = new Map<string, OurAnswer>();
  await onSmallHost(
    {},
    async host => {
      for (const { name, text } of definitions) {
        const { refusesStart, said } = await judged(text);
        try {
          const domain = await defineDomain(host, text);
          const document = await shownXml(host, domain, XML_INACTIVE | XML_SECURE);
          answers.set(name, { document, refusesStart, said });
          await undefineDomain(host, domain);
        } catch (error) {
          answers.set(name, { refused: (error as Error).message, said });
        }
      }
    },
    { kvm: true },
  );
  return answers;
}

/** A definition in xl's language, and as `xl create -n` prints it. */
export async function readXl(text: string): Promise<OurAnswer & { config: unknown }> {
  const { definition, refused, refusesStart, said } = await judged(text);
  return { refused, refusesStart, said, config: JSON.parse(writeJson([{ definition }], true)) as unknown };
}
