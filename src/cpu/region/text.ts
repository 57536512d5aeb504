/** How a region's text writes a number, whatever stands before it. */
export const number = (n: number): string => (n < 0 ? `(${n | 0})` : String(n | 0));
