/** Wrong use: one sentence; the command ends with status 2. */
export class UsageError extends Error {
  override name = 'UsageError';
}
