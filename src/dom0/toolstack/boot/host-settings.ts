/** Settings of the host that somebody keeps for its next boots: words of its definition in a file of Domain 0. */
import { type HostFiles, writeWhole } from '../../host/files/index.ts';
import { type HostDefinition, HostDefinitionError, readHost } from './host-definition.ts';

export const HOST_SETTINGS = '/etc/ringside/host';

/** The words that are kept; '': none are. */
export async function keptHostWords(files: Pick<HostFiles, 'readFileBuffer'>): Promise<string> {
  const bytes = await files.readFileBuffer(HOST_SETTINGS).catch(() => new Uint8Array());
  return new TextDecoder().decode(bytes).replace(/#.*$/gm, '').trim();
}

/** What they say; `problem`: a sentence, and then they say nothing: the host must boot all the same. */
export function readKeptHost(words: string): { host: Partial<HostDefinition>; problem?: string } {
  try {
    return { host: readHost(words) };
  } catch (error) {
    if (!(error instanceof HostDefinitionError)) throw error;
    return { host: {}, problem: `${HOST_SETTINGS} is passed by: ${error.message}` };
  }
}

/**
 * The host that starts: what is asked for now counts before what is kept, and that before what the device suggests. What makes no sense says nothing, and
 * `problem` tells of it.
 */
export function settledHost(
  suggested: HostDefinition,
  { kept, asked }: { kept: string; asked: string },
): { host: HostDefinition; problem?: string } {
  const { host, problem } = readKeptHost(kept);
  const problems = problem === undefined ? [] : [problem];
  let now: Partial<HostDefinition> = {};
  try {
    now = readHost(asked);
  } catch (error) {
    if (!(error instanceof HostDefinitionError)) throw error;
    problems.push(`What the host was asked to have is passed by: ${error.message}`);
  }
  return { host: { ...suggested, ...host, ...now }, ...(problems.length > 0 ? { problem: problems.join(' ') } : {}) };
}

/** Keeps words for the next boots, in place of those with the same keys. @throws HostDefinitionError, and nothing has changed; Error of the file system */
export async function keepHostWords(files: HostFiles, words: readonly string[]): Promise<string> {
  const { diskBytes } = readHost(words.join(' '));
  if (diskBytes !== undefined)
    throw new HostDefinitionError(
      "disk= is for a host's first boot: its disk keeps its size. Name another place for a new one (--state DIR).",
    );
  const before = readKeptHost(await keptHostWords(files)).problem ? '' : await keptHostWords(files);
  const byKey = new Map(
    [...before.split(/[\s,]+/), ...words.join(' ').split(/[\s,]+/)]
      .filter(word => word !== '')
      .map(word => [word.split('=')[0], word]),
  );
  const text = [...byKey.values()].join(' ');
  await writeWhole(files, HOST_SETTINGS, new TextEncoder().encode(`${text}\n`));
  return text;
}
