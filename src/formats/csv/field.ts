/** A field of a table of comma-separated values (RFC 4180). */

/** The value as it is. Text that a spreadsheet would take for a formula, and is no number, is kept from that by an apostrophe. */
export function csvField(value: string | number): string {
  const text = typeof value === 'string' && /^[=+@\t\r]|^-(?!\d)/.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
