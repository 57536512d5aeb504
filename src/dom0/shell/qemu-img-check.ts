/** `qemu-img check`: whether a qcow2 image's tables agree. Source: img_check() and dump_human_image_check() in qemu-img.c of QEMU 7.2; qemu-img(1) for statuses. */
import type { BlockDevice } from '../../formats/blocks/index.ts';
import { checkQcow2, type ImageCheck, isQcow2, Qcow2Error } from '../../hypervisor/disks/index.ts';
import { failed, type Ran } from '../toolstack/programs/index.ts';
import { read } from './small-tools/options.ts';

/** The check was not completed, found errors, found leaks alone; the format has nothing to check. */
const NOT_COMPLETED = 1,
  HAS_ERRORS = 2,
  HAS_LEAKS = 3,
  NOT_SUPPORTED = 63;
const HINT = "Try 'qemu-img --help' for more information";
const FORMATS = ['raw', 'qcow2'];

/** `open`: an image by its path. */
export async function check(words: readonly string[], open: (path: string) => Promise<BlockDevice>): Promise<Ran> {
  const { given, rest, wrong } = read(words, 'frTo', 'qU', {
    '--format': 'f',
    '--repair': 'r',
    '--output': 'o',
    '--force-share': 'U',
  });
  const refuse = (text: string): Ran => failed(`qemu-img: ${text}`, NOT_COMPLETED);
  if (wrong !== undefined) return refuse(`unrecognized option '${wrong}'\n${HINT}`);
  const output = given.get('o') ?? 'human';
  if (output !== 'human' && output !== 'json') return refuse('--output must be used with human or json as argument.');
  const repair = given.get('r');
  if (repair !== undefined && repair !== 'leaks' && repair !== 'all')
    return refuse(`Unknown option value for -r (expecting 'leaks' or 'all'): ${repair}\n${HINT}`);
  const [path] = rest;
  if (path === undefined || rest.length > 1) return refuse(`Expecting one image file name\n${HINT}`);
  if (repair !== undefined) return refuse(`${path}: images of format qcow2 are read here, and not written.`);
  const format = given.get('f');
  if (format !== undefined && !FORMATS.includes(format))
    return refuse(`Could not open '${path}': Unknown driver '${format}'`);
  try {
    const image = await open(path);
    const head = new Uint8Array(Math.min(4, image.bytes));
    image.read(0, head);
    if (format === 'raw' || (format === undefined && !isQcow2(head)))
      return failed('qemu-img: This image format does not support checks', NOT_SUPPORTED);
    const found = checkQcow2(image);
    const said = given.has('q') ? '' : output === 'json' ? json(found, path) : human(found);
    return {
      stdout: said,
      stderr: `${found.faultLines.map(line => `${line}\n`).join('')}${found.checkErrors > 0 ? 'qemu-img: Check failed\n' : ''}`,
      status:
        found.checkErrors > 0 ? NOT_COMPLETED : found.corruptions > 0 ? HAS_ERRORS : found.leaks > 0 ? HAS_LEAKS : 0,
    };
  } catch (error) {
    return refuse(
      error instanceof Qcow2Error ? `Could not open '${path}': it ${error.message}` : (error as Error).message,
    );
  }
}

function human(found: ImageCheck): string {
  const { corruptions, leaks, checkErrors, totalClusters, allocatedClusters, imageEnd } = found;
  const share = (count: number, of: number): string => `${((100 * count) / of).toFixed(2)}%`;
  return [
    corruptions + leaks + checkErrors === 0 ? 'No errors were found on the image.\n' : '',
    corruptions > 0
      ? `\n${corruptions} errors were found on the image.\nData may be corrupted, or further writes to the image may corrupt it.\n`
      : '',
    leaks > 0
      ? `\n${leaks} leaked clusters were found on the image.\nThis means waste of disk space, but no harm to data.\n`
      : '',
    checkErrors > 0 ? `\n${checkErrors} internal errors have occurred during the check.\n` : '',
    allocatedClusters > 0
      ? `${allocatedClusters}/${totalClusters} = ${share(allocatedClusters, totalClusters)} allocated, ${share(found.fragmentedClusters, allocatedClusters)} fragmented, ${share(found.compressedClusters, allocatedClusters)} compressed clusters\n`
      : '',
    `Image end offset: ${imageEnd}\n`,
  ].join('');
}

/** What is 0 is left out, but for the errors of the check itself. */
function json(found: ImageCheck, path: string): string {
  const { corruptions, leaks, checkErrors, totalClusters, allocatedClusters, imageEnd } = found;
  const some = (name: string, count: number): object => (count === 0 ? {} : { [name]: count });
  const text = JSON.stringify(
    {
      'image-end-offset': imageEnd,
      ...some('compressed-clusters', found.compressedClusters),
      'total-clusters': totalClusters,
      ...some('corruptions', corruptions),
      'check-errors': checkErrors,
      ...some('leaks', leaks),
      ...some('allocated-clusters', allocatedClusters),
      filename: path,
      format: 'qcow2',
      ...some('fragmented-clusters', found.fragmentedClusters),
    },
    undefined,
    4,
  );
  return `${text}\n`;
}
