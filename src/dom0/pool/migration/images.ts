/** Files in a guest's drives that the other host has under no name: they are sent before the guest's disks and memory, where that was asked for. */
import { readBlob } from '../../../formats/bytes/index.ts';
import { writeWhole } from '../../host/files/index.ts';
import {
  type CommandHost,
  findImage,
  type ImageDigest,
  mediumData,
  sha256Of,
  type Uses,
} from '../../toolstack/index.ts';
import type { Medium } from '../../../hypervisor/index.ts';
import type { Line } from './line.ts';
import { answer, bytesOf, hear, MESSAGE, notExpected, say, wordsOf } from './messages.ts';

/** Of a message. */
const PIECE_BYTES = 1024 * 1024;

/** Sends what the other host lacks of them, in the order in which it was offered. @throws Error with a sentence */
export async function sendImages(
  line: Line,
  media: readonly Medium[],
  progress: (sent: number, all: number) => void,
): Promise<void> {
  const lacks = wordsOf(await answer(line, MESSAGE.LACKS_IMAGES));
  const files = [...lacks].map(number => {
    const medium = media[number];
    if (!medium) throw new Error(`The other host wants file ${number} of the guest's drives, and there is none.`);
    return mediumData(medium)!;
  });
  const all = files.reduce((sum, { size }) => sum + size, 0);
  let sent = 0;
  for (const file of files)
    for (let at = 0; at < file.size; at += PIECE_BYTES) {
      const piece = await readBlob(file.slice(at, at + PIECE_BYTES));
      await say(line, MESSAGE.IMAGE, piece);
      progress((sent += piece.length), all);
    }
}

/** Takes those that this host has under no name into Domain 0's files; what they are called here. @throws Error with a sentence: none of them stays */
export async function takeImages(host: CommandHost, line: Line, images: readonly ImageDigest[]): Promise<string[]> {
  const lacking: number[] = [];
  for (const [number, image] of images.entries())
    if (!(await findImage(host, image).catch(() => undefined))) lacking.push(number);
  const { own: files } = host.files;
  if (lacking.length > 0 && !files)
    throw new Error(`This host keeps no files, and ${images[lacking[0]!]!.path} has to be kept where its guest runs.`);
  await say(line, MESSAGE.LACKS_IMAGES, bytesOf(lacking));
  const taken: string[] = [];
  try {
    for (const number of lacking) taken.push(await takeImage(host, line, images[number]!));
    return taken;
  } catch (error) {
    await dropImages(host, taken);
    throw error;
  }
}

async function takeImage({ files: { own: files } }: Uses<'files'>, line: Line, image: ImageDigest): Promise<string> {
  const pieces: Uint8Array[] = [];
  for (let left = image.bytes; left > 0; ) {
    const message = await hear(line);
    if (message.type !== MESSAGE.IMAGE) throw notExpected(message, MESSAGE.IMAGE);
    pieces.push(message.body);
    left -= message.body.length;
    if (left < 0) throw new Error(`${image.path} comes with more than its ${image.bytes} bytes.`);
  }
  const data = new Blob(pieces as BlobPart[]);
  if ((await sha256Of(data)) !== image.sha256)
    throw new Error(`${image.path} has other contents than the other host has said. Migrate the guest again.`);
  const wanted = image.path.startsWith('/') ? image.path : `/${image.path}`;
  // Another file has the name here.
  const path = (await files!.exists(wanted)) ? `${wanted}.${image.sha256.slice(0, 16)}` : wanted;
  await writeWhole(files!, path, await readBlob(data));
  return path;
}

/** The guest does not come: they go, too. */
export async function dropImages({ files: { own: files } }: Uses<'files'>, paths: readonly string[]): Promise<void> {
  for (const path of paths) await files!.rm(path, { force: true });
}
