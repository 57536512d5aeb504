/**
 * What a saved state's file says of its domain, without its memory: read, and written again. The rest of the file stays byte by byte (format.ts): of the checksums
 * only that of xl's header is another.
 */
import type { State } from '../../../../devices/index.ts';
import { SavedStateError } from '../../../domain/saved-state-error.ts';
import { crc32 } from '../../../../formats/unpack/index.ts';
import {
  LIBXC,
  LIBXC_DOMAIN_HEADER_BYTES,
  LIBXC_IMAGE_HEADER_BYTES,
  LIBXL,
  LIBXL_HEADER_BYTES,
  padded,
  RECORD_HEADER_BYTES,
} from './format.ts';
import { decodePlain } from './plain-data.ts';
import { bytesOf } from './reading.ts';
import { readAbout, type SavedAbout, type WrittenAbout } from './saved-state.ts';
import { toolstackRecord, xlHeader } from './writer.ts';
import { XL_HEADER_BYTES, XL_MAGIC } from './xl-header.ts';

/** What can be another in a saved state: nothing of its processors, memory and devices. */
export interface SavedHeadings {
  about: SavedAbout;
  toolstack: State;
}

/** A record's place in the file. */
interface Place {
  at: number;
  bodyBytes: number;
  end: number;
}

const viewOf = async (file: Blob, at: number, bytes: number): Promise<DataView> => {
  const view = new DataView((await bytesOf(file, at, bytes, 'The saved state')).buffer);
  if (view.byteLength < bytes)
    throw new SavedStateError(
      `The saved state is cut short: byte ${at} wants ${bytes} bytes and ${view.byteLength} are there. Copy it again.`,
    );
  return view;
};

/** Where xl's header ends, and the configuration in it. @throws SavedStateError */
async function configIn(file: Blob): Promise<{ end: number; about: SavedAbout }> {
  const head = await viewOf(file, 0, XL_HEADER_BYTES);
  if (String.fromCharCode(...new Uint8Array(head.buffer, 0, XL_MAGIC.length)) !== XL_MAGIC)
    throw new SavedStateError('This is no saved state: it does not start with "Xen saved domain".');
  const bytes = head.getUint32(XL_MAGIC.length + 12, true);
  const text = new TextDecoder().decode((await viewOf(file, XL_HEADER_BYTES, bytes)).buffer.slice(0, -1));
  let about: SavedAbout | undefined;
  try {
    const written = (JSON.parse(text) as { ringside?: WrittenAbout }).ringside;
    about =
      written &&
      readAbout(written, () => {
        throw new SavedStateError(
          'The saved state does not say what kind of guest it has. Edit it where it was saved.',
        );
      });
  } catch (error) {
    if (error instanceof SavedStateError) throw error;
    // What it says is no configuration either.
  }
  if (typeof about?.definition !== 'string' || typeof about.name !== 'string')
    throw new SavedStateError('The saved state has no definition of this program. Edit it where it was saved.');
  return { end: XL_HEADER_BYTES + bytes, about };
}

/** Libxl's records by their types, those of libxc's image passed by. @throws SavedStateError */
async function placesIn(file: Blob, from: number): Promise<Map<number, Place>> {
  const places = new Map<number, Place>();
  let at = from + LIBXL_HEADER_BYTES;
  const next = async (): Promise<number> => {
    const header = await viewOf(file, at, RECORD_HEADER_BYTES);
    const [type, bodyBytes] = [header.getUint32(0, true), header.getUint32(4, true)];
    places.set(type, { at, bodyBytes, end: at + RECORD_HEADER_BYTES + padded(bodyBytes) });
    at += RECORD_HEADER_BYTES + padded(bodyBytes);
    return type;
  };
  for (let type = await next(); type !== LIBXL.END; type = await next()) {
    if (type !== LIBXL.LIBXC_CONTEXT) continue;
    const ofLibxl = new Map(places);
    at += LIBXC_IMAGE_HEADER_BYTES + LIBXC_DOMAIN_HEADER_BYTES;
    while ((await next()) !== LIBXC.END);
    places.clear();
    for (const [known, place] of ofLibxl) places.set(known, place);
  }
  return places;
}

/** What a saved state's file says of its domain. @throws SavedStateError */
export async function headingsOf(file: Blob): Promise<SavedHeadings> {
  const { about, end } = await configIn(file);
  const place = (await placesIn(file, end)).get(LIBXL.RINGSIDE_TOOLSTACK);
  if (!place) return { about, toolstack: {} };
  const { buffer } = await viewOf(file, place.at + RECORD_HEADER_BYTES, place.bodyBytes);
  return { about, toolstack: decodePlain(new Uint8Array(buffer, 8)) as State };
}

/** The file with these in the place of its own. @throws SavedStateError */
export async function withHeadings(file: Blob, { about, toolstack }: SavedHeadings): Promise<Blob> {
  const { end } = await configIn(file);
  const places = await placesIn(file, end);
  const sums = places.get(LIBXL.RINGSIDE_CHECKSUMS),
    last = places.get(LIBXL.END)!;
  if (!sums) throw new SavedStateError('The saved state is damaged: it has no record RINGSIDE_CHECKSUMS.');
  const own = places.get(LIBXL.RINGSIDE_TOOLSTACK) ?? { at: last.at, end: last.at };
  const header = xlHeader(about);
  const record = await viewOf(file, sums.at, sums.end - sums.at);
  // Behind the count and a zero; the first piece is xl's header.
  record.setUint32(RECORD_HEADER_BYTES + 8, crc32(header), true);
  return new Blob([
    header as BlobPart,
    file.slice(end, sums.at),
    record.buffer as ArrayBuffer,
    file.slice(sums.end, own.at),
    toolstackRecord(toolstack) as BlobPart,
    file.slice(own.end),
  ]);
}
