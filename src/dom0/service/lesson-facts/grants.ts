/**
 * Grants of a domain: `grant.N.flags` is the word of the table's entry N as its owner sees it (grant_table.h, GTF_*; 0: it grants nothing), the others what Xen
 * keeps of its use. `mappings`: frames of others that the domain has mapped by their grants.
 */
import { grantsOf, GTF } from '../../../hypervisor/interfaces/xen/view/index.ts';
import type { Family } from './told.ts';

export const grants: Family = ({ domain }, { values }) => {
  const table = grantsOf(domain);
  if (!table) return;
  values.grants = table.entries.length;
  values.mappings = table.mappings.length;
  for (const { ref, type, readonly, reading, writing, use } of table.entries) {
    values[`grant.${ref}.flags`] =
      (type === 'access' ? GTF.PERMIT_ACCESS : 0) +
      (readonly ? GTF.READONLY : 0) +
      (reading ? GTF.READING : 0) +
      (writing ? GTF.WRITING : 0);
    values[`grant.${ref}.readers`] = use?.readers ?? 0;
    values[`grant.${ref}.writers`] = use?.writers ?? 0;
  }
};
