/** A guest's image with what the guest wrote to it, as a download. Domain 0 puts it together of the file's own parts: the browser streams it from there. */
import { asTask, host } from './host.ts';
import { download } from './navigation.ts';

/** The disk as it is now. The task log says why it is not available. */
export const downloadImage = (id: number, guest: string, vdev: string): Promise<void> =>
  asTask(`ringside image ${guest} ${vdev}`, async () => {
    const { name, data } = await host.consult('diskImage', id, vdev);
    download(data, name);
  });
