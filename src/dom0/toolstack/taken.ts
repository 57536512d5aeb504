/** A saved domain, or one that comes from another host, must be the only one of its name and its UUID. */
import { nameTaken, UUID_TAKEN } from '../definitions/index.ts';
import { behindLibxl } from './behind-libxl.ts';
import type { CommandHost } from './command-host.ts';
import { Refusal } from './commands/command.ts';

/** What a domain is called while it comes, and while it goes. */
export const incomingName = (name: string): string => `${name}--incoming`;
export const migratedAwayName = (name: string): string => `${name}--migratedaway`;

/** @throws Refusal in libxl's words where another domain has one of the names, or the UUID; `then`: what to do about it */
export function refuseTaken(
  { toolstack }: Pick<CommandHost, 'toolstack'>,
  names: readonly string[],
  uuid: string | undefined,
  then: string,
): void {
  for (const name of names)
    if (toolstack.isTaken(name))
      throw new Refusal(
        behindLibxl(toolstack, nameTaken(name).said, `There is a domain called ${name} already. ${then}`),
      );
  const owner = toolstack.ownerOf(uuid);
  if (owner)
    throw new Refusal(
      behindLibxl(toolstack, UUID_TAKEN.said, `${owner.name} has the UUID ${owner.uuid} already. ${then}`),
    );
}
