/** Updates as they are sent. Source: RFC 6143, 7.6.1 (FramebufferUpdate), 7.7.1 (Raw). */
import type { ByteSink } from './byte-sink.ts';
import type { Picture, Rectangle } from './changes.ts';
import type { Pixels } from './pixels.ts';
import { SERVER } from './protocol.ts';

/** The message's head: this many rectangles follow. */
export const putUpdate = (sink: ByteSink, rectangles: number): ByteSink => sink.u8(SERVER.UPDATE).u8(0).u16(rectangles);

/** A rectangle's head. */
export const putHead = (sink: ByteSink, { x, y, width, height }: Rectangle, encoding: number): ByteSink =>
  sink.u16(x).u16(y).u16(width).u16(height).u32(encoding);

/** The pixels of a rectangle one behind the other. */
export function rawRectangle(
  sink: ByteSink,
  picture: Picture,
  pixels: Pixels,
  { x, y, width, height }: Rectangle,
): void {
  sink.filled(width * height * pixels.bytes, (into, start) => {
    let to = start;
    for (let row = y; row < y + height; row++)
      for (let at = (row * picture.width + x) * 3, end = at + width * 3; at < end; at += 3, to += pixels.bytes)
        pixels.put(into, to, pixels.of(picture.rgb, at));
  });
}
