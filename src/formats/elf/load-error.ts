/** A kernel or ramdisk that cannot be loaded: one sentence with the file, what is wrong with it and what to do. */
export class LoadError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'LoadError';
  }
}
