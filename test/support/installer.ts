/** Debian's installer as `npm run guests -- --installer` fetches it, and what it asks. */
import { file } from './needs.ts';

export const kernel = file('.cache/installer/linux'),
  initrd = file('.cache/installer/initrd.gz');

/** What it asks, in its order; the network is configured without a question, by DHCP. There is no archive behind the network, which it says, and asks again. */
export const QUESTIONS = [
  'Select a language',
  'Select your location',
  'Configure the keyboard',
  'Hostname:',
  'Domain name:',
  'Debian archive mirror country:',
  'Debian archive mirror:',
  'HTTP proxy information',
  'Bad archive mirror',
  'Debian archive mirror country:',
];
