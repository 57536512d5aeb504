/** States that a domain's next start goes on from (virsh managedsave). */
import type { Uses } from '../toolstack/index.ts';
import type { Domain } from '../toolstack/domains/index.ts';

/** Where they are, as libxl's driver has them. */
export const SAVES = '/var/lib/libvirt/libxl/save';

export const savePath = ({ name }: Pick<Domain, 'name'>): string => `${SAVES}/${encodeURIComponent(name)}.save`;

export const hasManagedSave = async (
  { files: { own: files } }: Uses<'files'>,
  domain: Pick<Domain, 'name'>,
): Promise<boolean> =>
  files !== undefined &&
  (await files.stat(savePath(domain)).then(
    ({ isFile }) => isFile,
    () => false,
  ));
