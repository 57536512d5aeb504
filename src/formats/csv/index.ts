/** Tables of comma-separated values (RFC 4180). */
export { csvField } from './field.ts';
