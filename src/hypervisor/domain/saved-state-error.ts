/** A saved state that cannot be used, or a domain that cannot be saved now: a sentence with what is wrong and where. */
export class SavedStateError extends Error {
  override name = 'SavedStateError';
}
