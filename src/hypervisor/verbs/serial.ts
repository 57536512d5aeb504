/** Bytes for COM1. */
import { verb } from './verb.ts';

export const serial = verb({ by: 'bytes', apply: ({ domain }, bytes: Uint8Array) => domain.serialInput(bytes) });
