/** A bar that is divided among owners, each with its name and how much it has: machine memory, a disk. */
import type { HostInfo } from '../../dom0/service/index.ts';
import { domains } from '../host.ts';
import { ownsMemory } from '../readings.ts';
import { memoryOwners } from './tree.tsx';

export interface Share {
  key: string;
  /** Classes of its colour. */
  owner: string;
  name: string;
  /** Of a domain. */
  id?: string | undefined;
  /** Of the bar. */
  part: number;
  /** How much that is, as it is written into the bar; absent: it is not. */
  amount?: string | number;
  /** What a pointer shows. */
  title?: string;
}

/** `label`: what it shows, for screen readers. `isHidden`: a table next to it tells them. `kind`: classes of its size. */
export const SharesBar = ({
  shares,
  label,
  isHidden,
  kind = '',
}: {
  shares: readonly Share[];
  label?: string;
  isHidden?: true;
  kind?: string;
}) => (
  <div
    class={`mbar ${kind}`.trimEnd()}
    role={label === undefined ? undefined : 'img'}
    aria-label={label}
    aria-hidden={isHidden}
  >
    {shares.map(({ key, owner, name, id, part, amount, title }) => (
      <span key={key} class={owner} style={`flex:${part} 0 0`} title={title}>
        <u>
          {id && <b>{id}</b>}
          <em>{name}</em>
        </u>
        {amount !== undefined && <small>{amount}</small>}
      </span>
    ))}
  </div>
);

/** `part`: the MiB of the picture that it takes, where that is not what it has. */
export const memoryShare = (
  owner: string,
  name: string,
  mib: number,
  { key = name, id = '', part = mib } = {},
): Share => ({
  key,
  owner,
  name,
  id,
  part,
  amount: mib,
  title: `${name}: ${mib} MiB`,
});

/** The owners of machine memory now; what is free is not among them. */
export const memoryShares = ({ memoryMiB, freeMiB }: HostInfo): Share[] =>
  memoryOwners(domains.value.filter(ownsMemory), memoryMiB, freeMiB)
    .filter(({ mib }) => mib > 0)
    .map(({ key, owner, name, id, mib }) => memoryShare(owner, name, mib, { key, id }));
