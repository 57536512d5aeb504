/** Whether a file can be another product's, before what recognises those is loaded. */
import { part } from '../../formats/loading/index.ts';
import { packingOf } from '../../formats/unpack/index.ts';
import { kernelKind } from '../../hypervisor/loader/index.ts';

/** What only a definition here has: a key of xl.cfg at the beginning of a line; libvirt's outermost element, or xend's. */
const HAS_KEY = /^(?:name|kernel|builder|type|disk|vif|bootloader)[ \t]*=/m,
  BEGINS = /^(?:\s|<\?[^>]*>|<!--[^]*?-->)*(?:<domain[\s>]|\((?:domain|vm)\b)/;
const LOOKED_AT_BYTES = 4096;

const recogniser = part(() => import('./recognise/index.ts'), 'recognises the files of other products');

/** It is no definition by its keys, no kernel, and not packed. */
export function mayBeForeign(data: Uint8Array): boolean {
  if (data.length === 0 || packingOf(data) || kernelKind(data) !== undefined) return false;
  const text = new TextDecoder().decode(data.slice(0, LOOKED_AT_BYTES));
  return !HAS_KEY.test(text) && !BEGINS.test(text);
}

/** What a file is, and how it is used here (recognise.ts); undefined: a definition, a kernel, or nothing that is known. */
export const foreignOf = async (
  name: string,
  data: Uint8Array,
): Promise<import('./recognise/index.ts').Foreign | undefined> =>
  mayBeForeign(data)
    ? recogniser.load().then(
        ({ recognise }) => recognise(name, data),
        () => undefined,
      )
    : undefined;
