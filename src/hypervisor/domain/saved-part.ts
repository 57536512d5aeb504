/** A part of a domain's saved state, as it goes to whoever wants it. */
export interface SavedPart {
  /** The next pieces of the file, in their order. */
  pieces: Uint8Array[];
  /** There is no more of what was asked for. */
  isLast: boolean;
}
