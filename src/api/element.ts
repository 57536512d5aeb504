/**
 * `<ringside-guest>` as TypeScript knows it: `import 'ringside'` is enough for document.querySelector('ringside-guest') and for the element's events. Packed as it is
 * (scripts/package-types.mjs).
 */
import type { Guest, Host } from './types.ts';

/** Its attributes are in docs/package.md. */
export interface RingsideGuestElement extends HTMLElement {
  /** Runs the guest in place of a host of its own, where it is set before the element comes into the document. */
  host: Host | undefined;
  /** Once it runs. */
  guest: Guest | undefined;
  /** Starts the guest, or starts it again. */
  start(): Promise<void>;
}

declare global {
  // A project for node alone has no types of pages: there these two are all of them.
  interface HTMLElement {}
  // biome-ignore lint/suspicious/noExplicitAny: as lib.dom has it
  interface CustomEvent<T = any> {
    readonly detail: T;
  }
  interface HTMLElementEventMap {
    /** The guest runs. */
    'ringside-start': CustomEvent<undefined>;
    /** It has ended: why, a sentence. */
    'ringside-end': CustomEvent<string>;
    /** It could not start, or could not go on: why, a sentence. */
    'ringside-error': CustomEvent<string>;
  }
  interface HTMLElementTagNameMap {
    'ringside-guest': RingsideGuestElement;
  }
}
