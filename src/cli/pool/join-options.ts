/** What a program of a host takes to be in a pool from the start. */
import { isRole, ROLES, type Role } from '../../dom0/pool/index.ts';
import { addressWithCode, CODE_FILE_OPTION, CODE_VARIABLE } from './codes.ts';

/** For parseArgs. */
export const JOIN_OPTIONS = {
  join: { type: 'string' },
  ...CODE_FILE_OPTION,
  name: { type: 'string' },
  role: { type: 'string' },
  leases: { type: 'string' },
} as const;

/** Lines of its help. */
export const JOIN_ABOUT = `  --join ADDRESS        be a host of a pool from the start: ws://HOST:PORT/#CODE, as ringside pool prints it
  --code-file FILE      where the pool's code is, so that it is in no list of processes; or in the variable ${CODE_VARIABLE}.
                        The address is ws://HOST:PORT/ then
  --name NAME           the host's name there
  --role ROLE           there: member, giver (its guests may go to others, and it takes none) or viewer (it sees what all see)
  --leases ADDRESS      etcd://HOST:PORT: that decides whose a guest is, in place of the pool's first host`;

/** A pool to join, and how. */
export interface Joining {
  /** With the code. */
  address: string;
  name: string | undefined;
  leases: string | undefined;
  role: Role;
}

/** Undefined: no pool. @throws Error with a sentence */
export function joiningOf(
  values: { readonly [Option in keyof typeof JOIN_OPTIONS]?: string | undefined },
  environment: Readonly<Record<string, string | undefined>>,
): Joining | undefined {
  const { join, name, leases, role = 'member', 'code-file': codeFile } = values;
  if (!isRole(role)) throw new Error(`--role ${role}: write one of ${ROLES.join(', ')}.`);
  if (join !== undefined) return { address: addressWithCode(join, codeFile, environment), name, leases, role };
  if ((name ?? leases ?? values.role ?? codeFile) !== undefined)
    throw new Error('--name, --role, --code-file and --leases are for a host of a pool: write --join ADDRESS, too.');
  return undefined;
}
