/** What the mouse did since the last report. */
export interface MouseMove {
  /** Counts to the right, up, and of the wheel towards the user. */
  dx: number;
  dy: number;
  dz: number;
  /** Those that are down: bit 0 left, 1 right, 2 middle, 3 and 4 at the side. */
  buttons: number;
}
