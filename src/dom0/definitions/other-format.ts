/**
 * A dropped image is read as what it is. Named otherwise, xl and QEMU would give the guest the file's own bytes, or refuse it (qcow2_open() of QEMU's
 * block/qcow2.c): a person who takes the definition to one of them should know.
 */
import { isQcow2 } from '../../hypervisor/disks/index.ts';
import type { DefinedDisk } from './config/definition.ts';
import type { Judged } from './config/options.ts';
import { baseName } from './planned.ts';

/** What is said of a disk whose image is in another format than it is named in; undefined: it is in that. */
export function otherFormat(
  { format }: Pick<DefinedDisk, 'format'>,
  { name, head }: { name: string; head: Uint8Array },
): Judged | undefined {
  const found = isQcow2(head) ? 'qcow2' : 'raw';
  const named = format === 'qcow2' ? 'qcow2' : 'raw';
  if (found === named) return undefined;
  const elsewhere =
    found === 'qcow2'
      ? "xl and QEMU give the guest the file's own bytes, in which no BIOS finds anything"
      : 'QEMU does not open it (Image is not in qcow2 format)';
  return {
    verdict: 'approximated',
    warns: true,
    short: `named ${named}, and it is ${found}`,
    text: `${baseName(name)} is named ${named}, and it is ${found}: it is read as ${found} here. Elsewhere ${elsewhere}. Write ${found} as its format.`,
  };
}
