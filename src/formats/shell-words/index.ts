/** What src/formats/shell-words offers to other rooms. */
export { quoted } from './quoted.ts';
