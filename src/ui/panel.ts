/** What a panel of the page is. The list of them is in `panels.ts`. */
import type { ComponentChildren } from 'preact';
import type { Place } from './place.ts';

export interface Panel {
  /** Unique. */
  readonly id: string;
  /** The workbench shows the first of its panels that has something to show; the inspector offers all of them. */
  readonly region: 'bench' | 'inspector';
  /** For people: on its tab in the inspector, and in the search. */
  readonly name: string;
  /** What it shows at a place; false or undefined: nothing there. Signals that it reads call it again. */
  show(here: Place): ComponentChildren;
  /** What the window's title says next to the product's name. */
  title?(here: Place): string | undefined;
  /** The place to go to for it, offered in the search; undefined: not from here. */
  from?(here: Place): Place | undefined;
}

export const shows = (content: ComponentChildren): boolean =>
  content !== undefined && content !== null && content !== false;
