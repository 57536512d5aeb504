/** Whether the page is a frame of another one, and what the browser keeps for it there. */

export const isFramed = (): boolean => globalThis.top !== globalThis.self;

/**
 * 'apart': by the site of the page around it, too (Storage Standard, storage keys; Privacy CG, storage partitioning), so that a page of its own does not know of
 * it. 'nothing': the browser gives no storage here.
 */
export function keeps(): 'all' | 'apart' | 'nothing' {
  try {
    localStorage.getItem('');
  } catch {
    return 'nothing';
  }
  try {
    // A page of the same origin may be read.
    void globalThis.top?.document;
    return 'all';
  } catch {
    return 'apart';
  }
}
